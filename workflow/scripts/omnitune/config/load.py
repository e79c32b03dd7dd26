"""YAML values -> Config and its experiments; every mistake becomes a sentence, all at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from omnitune import config_files, recipes
from omnitune.config.deploy import is_loopback
from omnitune.config.experiments import Experiment
from omnitune.config.fit_checks import fit_mistakes
from omnitune.config.grpo import GrpoConfig
from omnitune.config.grpo_checks import ADAPTER_KEYS, grpo_mistakes, port_mistakes
from omnitune.config.length_checks import length_mistakes
from omnitune.config.model import is_hub_id
from omnitune.config.publish_checks import publish_mistakes
from omnitune.config.run import Config
from omnitune.config.sentences import Key, Where, sentence
from omnitune.config.sft import SftConfig
from omnitune.config.source_checks import source_mistakes
from omnitune.config.tuner_checks import tuner_mistakes
from omnitune.errors import PipelineError
from omnitune.media.urls import prefix_mistake
from omnitune.validation.policy import policy_mistakes

T = TypeVar("T")
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
    _raise([*mistakes, *port_mistakes(experiments, where)])
    return config, experiments


def _experiment(config: Config, name: str, overrides: Mapping[str, Any], where: Where) -> Experiment:
    prefix: Key = ("experiments", name) if name in config.experiments else ()
    sections = {}
    for section in ("sft", "grpo", "merge"):
        changed = overrides.get(section, {})
        # Unset keys stay unset, so that an experiment with another tuner takes that tuner's recipe.
        merged = config_files.merge(getattr(config, section).model_dump(exclude_unset=True), changed)
        sections[section] = _validate(type(getattr(config, section)), merged, where, (*prefix, section))
    sections["grpo"] = _as_adapter_is(sections["sft"], sections["grpo"])
    experiment = Experiment(
        name=name,
        sft=_filled(recipes.fill_sft, sections["sft"], config, where((*prefix, "sft"))),
        grpo=_filled(recipes.fill_grpo, sections["grpo"], config, where((*prefix, "grpo"))),
        merge=sections["merge"],
    )
    _raise(list(_experiment_checks(config, experiment, where, prefix)))
    return experiment


def _as_adapter_is(sft: SftConfig, grpo: GrpoConfig) -> GrpoConfig:
    """What grpo leaves unset of the adapter's shape is sft's: it is the same adapter, trained on."""
    if grpo.start_from == "base" or "full" in (sft.tuner, grpo.tuner):
        return grpo
    unset = {name: getattr(sft, name) for name in ADAPTER_KEYS if name not in grpo.model_fields_set}
    return grpo.model_copy(update=unset)


def _filled(fill: Callable[..., T], section: T, config: Config, where: str) -> T:
    try:
        return fill(
            section,
            recipe=config.recipe,
            gpu_memory_gib=config.resources.gpu_memory_gib,
            device=config.device,
        )
    except PipelineError as error:
        raise PipelineError(error.what, where=where, fix=error.fix) from None


def _experiment_checks(config: Config, experiment: Experiment, where: Where, prefix: Key) -> Iterable[str]:
    if not experiment.trained:
        yield (
            f"{where((*prefix, 'sft', 'enabled'))}: experiment {experiment.name} trains nothing. "
            "Enable sft or grpo."
        )
        return
    uses = {use for source in config.sources.values() for use in source.use}
    for stage in experiment.trained:
        if stage not in uses:
            yield (
                f"{where(('sources',))}: no source has {stage} in its use, so {stage} has no rows. Add it to one."
            )
    if experiment.grpo.enabled:
        yield from grpo_mistakes(config, experiment, where, prefix)
    yield from publish_mistakes(config, experiment, where, prefix)
    yield from tuner_mistakes(config, experiment, where, prefix)
    yield from length_mistakes(config, experiment, where, prefix)
    yield from fit_mistakes(config, experiment, where, prefix)
    if "base" not in config.infer.stages and not experiment.infer_stages(config.infer.stages):
        yield (
            f"{where(('infer', 'stages'))}: of {', '.join(config.infer.stages)} experiment {experiment.name} "
            "makes none, so nothing would be scored. Add base, or set merge.enabled: true and add merge."
        )


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
    for name in config.sources:
        yield from source_mistakes(name, config, where)
    for code, mistake in policy_mistakes(config.validate_.policy):
        yield f"{where(('validate', 'policy', code))} {mistake}"
    if config.demo and config.demo.pretrain.by_length:
        yield (
            f"{where(('demo', 'pretrain'))}: its rows are not counted, so it cannot go by their length. "
            "Remove group_by_length and packing."
        )
    for number, prefix in enumerate(config.validate_.urls):
        if mistake := prefix_mistake(prefix):
            yield f"{where(('validate', 'urls', number))} {mistake}"
    if config.infer.backend == "vllm" and (adapters := {"sft", "grpo"} & set(config.infer.stages)):
        yield (
            f"{where(('infer', 'stages'))}: vLLM takes whole models, and {', '.join(sorted(adapters))} is an "
            "adapter. Leave it out, since merge answers for it, or set infer.backend: transformers."
        )
    if config.split.val + config.split.test >= 1:
        yield f"{where(('split',))}: val and test take every row. Lower them to less than 1 together."
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


def _validate(kind: type[Any], values: Mapping[str, Any], where: Where, prefix: Key = ()) -> Any:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        mistakes = [sentence(kind, details, where, prefix) for details in error.errors(include_url=False)]
        _raise(list(dict.fromkeys(mistakes)))


def _raise(mistakes: Sequence[str]) -> None:
    if mistakes:
        raise PipelineError("\n".join(mistakes))
