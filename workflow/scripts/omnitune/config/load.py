"""YAML values -> Config and its experiments; every mistake becomes a sentence, all at once."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from omnitune import config_files, recipes
from omnitune.config.deploy import is_loopback
from omnitune.config.experiments import Experiment
from omnitune.config.run import Config
from omnitune.config.sentences import Key, Where, sentence
from omnitune.config.sft import SftConfig
from omnitune.errors import PipelineError

RESERVED = {
    "model",
    "convert",
    "validate",
    "split",
    "base",
    "sft",
    "grpo",
    "merge",
    "infer",
    "score",
    "report",
    "deploy",
    "inputs",
}


def load(values: Mapping[str, Any], files: Sequence[str | Path] = ()) -> tuple[Config, list[Experiment]]:
    """The checked config and its experiments, recipe filled in.

    Args:
        values: what Snakemake merged from the files and the command line.
        files: the config files in order, so that a mistake is told with the file that holds it.

    Raises:
        PipelineError: with one sentence per mistake.
    """
    where = Where(files)
    config = _validate(Config, values, where)
    if not config.sources:
        raise PipelineError(
            f"{where(('sources',))} is empty",
            fix="Name your data there (see config/README.md), let `make init RUN=name DATA=file.jsonl` do it, "
            "or see the pipeline work first: make demo",
        )
    mistakes = list(_cross_checks(config, where))
    experiments = []
    for name in config.experiments or {"main": None}:
        overrides = config.experiments.get(name)
        try:
            experiments.append(_experiment(config, name, overrides.model_dump() if overrides else {}, where))
        except PipelineError as error:
            mistakes.append(str(error))
    _raise(mistakes)
    return config, experiments


def _experiment(config: Config, name: str, overrides: Mapping[str, Any], where: Where) -> Experiment:
    prefix: Key = ("experiments", name) if name in config.experiments else ()
    sections = {}
    for section in ("sft", "merge"):
        changed = overrides.get(section, {})
        # Unset keys stay unset, so that an experiment with another tuner takes that tuner's recipe.
        merged = config_files.merge(getattr(config, section).model_dump(exclude_unset=True), changed)
        sections[section] = _validate(type(getattr(config, section)), merged, where, (*prefix, section))
    try:
        sft = recipes.fill_sft(
            sections["sft"],
            recipe=config.recipe,
            gpu_memory_gib=config.resources.gpu_memory_gib,
            device=config.device,
        )
    except PipelineError as error:
        raise PipelineError(error.what, where=where((*prefix, "sft")), fix=error.fix) from None
    experiment = Experiment(name=name, sft=sft, merge=sections["merge"])
    if "base" not in config.infer.stages and not experiment.infer_stages(config.infer.stages):
        raise PipelineError(
            f"of {', '.join(config.infer.stages)} experiment {name} makes none, so nothing would be scored",
            where=where(("infer", "stages")),
            fix="Add base, or set merge.enabled: true and add merge.",
        )
    return experiment


def filled_pretrain(config: Config) -> SftConfig:
    """The training of the demo's base with the recipe filled in."""
    assert config.demo is not None
    return recipes.fill_sft(
        config.demo.pretrain,
        recipe=config.recipe,
        gpu_memory_gib=config.resources.gpu_memory_gib,
        device=config.device,
    )


def _cross_checks(config: Config, where: Where) -> Iterable[str]:
    for name in sorted(RESERVED & set(config.experiments)):
        yield f"{where(('experiments', name))} is the name of a stage. Choose another name for the experiment."
    for name, source in config.sources.items():
        # What lies under results/ is made by the pipeline itself, as in the demo.
        if not source.path.startswith("results/") and not Path(source.path).is_file():
            yield f"{where(('sources', name, 'path'))}: there is no file {source.path}. Mend the path."
        for task in [source.task] if "eval" in source.use else []:
            if task not in config.score.tasks and "default" not in config.score.tasks:
                yield (
                    f"{where(('score', 'tasks'))} has no metrics for the task {task} of source {name}. "
                    "Add the task, or default."
                )
    if config.split.val + config.split.test >= 1:
        yield f"{where(('split',))}: val and test take every row. Lower them to less than 1 together."
    if not any("sft" in source.use for source in config.sources.values()):
        yield f"{where(('sources',))}: no source has sft in its use, so nothing is trained on. Add it to one."
    if not any("eval" in source.use for source in config.sources.values()):
        yield f"{where(('sources',))}: no source has eval in its use, so nothing is scored. Add it to one."
    if not (config.deploy.expose or is_loopback(config.deploy.host)):
        yield (
            f"{where(('deploy', 'host'))}: others may reach {config.deploy.host} and use the model, with no key. "
            "Take 127.0.0.1 and put a gateway with a key in front, or set deploy.expose: true."
        )
    path = config.model.path
    if not is_hub_id(path) and not path.startswith("results/") and not Path(path).expanduser().is_dir():
        yield f"{where(('model', 'path'))}: there is no folder {path}. Name a folder or a hub id (Qwen/NAME)."


def is_hub_id(path: str) -> bool:
    """Whether `path` can only be a hub id: `owner/name`, and no such folder here."""
    return path.count("/") == 1 and path[0] not in "./~" and not Path(path).is_dir()


def _validate(kind: type[Any], values: Mapping[str, Any], where: Where, prefix: Key = ()) -> Any:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        mistakes = [sentence(kind, details, where, prefix) for details in error.errors(include_url=False)]
        _raise(list(dict.fromkeys(mistakes)))


def _raise(mistakes: Sequence[str]) -> None:
    if mistakes:
        raise PipelineError("\n       ".join(mistakes))
