"""YAML values -> Config and its experiments; every mistake becomes a sentence, all at once."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from omnitune import recipes
from omnitune.config.experiments import Experiment
from omnitune.config.run import Config
from omnitune.config.sft import SftConfig
from omnitune.errors import PipelineError, suggest

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
    "inputs",
}
Key = tuple[str | int, ...]


def load(values: Mapping[str, Any], files: Sequence[str | Path] = ()) -> tuple[Config, list[Experiment]]:
    """The checked config and its experiments, recipe filled in.

    Args:
        values: what Snakemake merged from the files and the command line.
        files: the config files in order, so that a mistake is told with the file that holds it.

    Raises:
        PipelineError: with one sentence per mistake.
    """
    where = _Where(files)
    config = _validate(Config, values, where)
    if not config.sources:
        raise PipelineError(
            "sources is empty",
            where=where((("sources"),)),
            fix="Name your data under sources (see config/README.md), or see the pipeline work first: make demo",
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


def _experiment(config: Config, name: str, overrides: Mapping[str, Any], where: "_Where") -> Experiment:
    prefix: Key = ("experiments", name) if name in config.experiments else ()
    sections = {}
    for section in ("sft", "merge"):
        changed = overrides.get(section, {})
        # Unset keys stay unset, so that an experiment with another tuner takes that tuner's recipe.
        merged = _merge(getattr(config, section).model_dump(exclude_unset=True), changed)
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
    return Experiment(name=name, sft=sft, merge=sections["merge"])


def filled_pretrain(config: Config) -> SftConfig:
    """The training of the demo's base with the recipe filled in."""
    assert config.demo is not None
    return recipes.fill_sft(
        config.demo.pretrain,
        recipe=config.recipe,
        gpu_memory_gib=config.resources.gpu_memory_gib,
        device=config.device,
    )


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        inner = merged.get(key)
        merged[key] = _merge(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return merged


def _cross_checks(config: Config, where: "_Where") -> Iterable[str]:
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
    if not any("sft" in source.use for source in config.sources.values()):
        yield f"{where(('sources',))}: no source has sft in its use, so there is nothing to train on. Add it to one."
    if any(stage != "base" for stage in config.infer.stages) and not any(
        "eval" in source.use for source in config.sources.values()
    ):
        yield f"{where(('infer', 'stages'))}: no source has eval in its use, so nothing could be scored. Add it to one."
    path = config.model.path
    if not is_hub_id(path) and not path.startswith("results/") and not Path(path).expanduser().is_dir():
        yield f"{where(('model', 'path'))}: there is no folder {path}. Name a folder, or a hub id such as Qwen/NAME."


def is_hub_id(path: str) -> bool:
    """Whether `path` can only be a hub id: `owner/name`, and no such folder here."""
    return path.count("/") == 1 and path[0] not in "./~" and not Path(path).is_dir()


def _validate(kind: type[Any], values: Mapping[str, Any], where: "_Where", prefix: Key = ()) -> Any:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        mistakes = [_sentence(kind, details, where, prefix) for details in error.errors(include_url=False)]
        _raise(list(dict.fromkeys(mistakes)))


def _raise(mistakes: Sequence[str]) -> None:
    if mistakes:
        raise PipelineError("\n       ".join(mistakes))


def _sentence(kind: type[BaseModel], details: ErrorDetails, where: "_Where", prefix: Key) -> str:
    # pydantic names the branch of a union or of a dict key in the location; a reader knows only the keys.
    location: Key = tuple(part for part in details["loc"] if part != "[key]")
    place, given = where((*prefix, *location)), details["input"]
    match details["type"]:
        case "extra_forbidden":
            hint = suggest(str(location[-1]), _keys(kind, location[:-1]))
            hint = hint.replace("mean ", "mean " + ".".join(map(str, (*prefix, *location[:-1], ""))))
            return f"{place} is not a setting. {hint}".rstrip()
        case "missing":
            return f"{place} is missing. {_description(kind, location)}".rstrip()
        case "string_pattern_mismatch":
            return f"{place}: {given!r} is no name. Use lower-case letters, digits, _ and -."
        case _ if isinstance(given, str) and details["type"] in ("float_type", "int_type", "float_parsing"):
            hint = "Write 1.0e-4 (YAML takes 1e-4 for text)." if "e" in given.lower() else "Remove the quotes."
            return f"{place} is the text {given!r}, not a number. {hint}"
        case _:
            reason = details["msg"].replace("Input should be", "must be").replace("should have", "must have")
            return f"{place} is {given!r}: it {_lower_first(reason)}.".replace("it list", "the list")


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]


def _model_at(kind: type[BaseModel], location: Key) -> type[BaseModel] | None:
    """The model that describes the mapping at `location`, or None inside a free-form one."""
    model: Any = kind
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
            if part not in fields:
                return None
            model = next(
                (
                    arg
                    for arg in (fields[part], *get_args(fields[part]))
                    if isinstance(arg, type) and issubclass(arg, BaseModel)
                ),
                fields[part],
            )
            if not (isinstance(model, type) and issubclass(model, BaseModel)):
                model = _value_model(fields[part])
        elif isinstance(model, _Mapping):
            model = model.value
        else:
            return None
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


class _Mapping:
    """A dict field whose values are models: one more key leads to the model."""

    def __init__(self, value: type[BaseModel]) -> None:
        self.value = value


def _value_model(annotation: Any) -> Any:
    models = [arg for arg in get_args(annotation) if isinstance(arg, type) and issubclass(arg, BaseModel)]
    return _Mapping(models[0]) if models else None


def _keys(kind: type[BaseModel], location: Key) -> list[str]:
    model = _model_at(kind, location)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _description(kind: type[BaseModel], location: Key) -> str:
    model = _model_at(kind, location[:-1])
    field = model.model_fields.get(str(location[-1])) if model else None
    return f"Set it: {field.description}" if field and field.description else ""


class _Where:
    """`file: key` for a key path, with the last config file that holds it."""

    def __init__(self, files: Sequence[str | Path]) -> None:
        self.files = []
        for file in files:
            self.files.append((str(file), yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {}))

    def __call__(self, key: Key) -> str:
        names = ".".join(map(str, key))
        for depth in range(len(key), -1, -1):
            for file, values in reversed(self.files):
                if depth and _holds(values, key[:depth]):
                    return f"{file}: {names}"
        return f"{self.files[0][0]}: {names}" if self.files else names


def _holds(values: Any, key: Key) -> bool:
    for part in key:
        if isinstance(values, list):
            return True  # the place in a list says nothing about the file
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True
