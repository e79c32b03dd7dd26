"""The files a report is made of: what is optional may be absent, what is there must be whole."""

import json
import math
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from omnitune.errors import ExitCode, PipelineError

Number = int | float
T = TypeVar("T")


class Experiment(msgspec.Struct, forbid_unknown_fields=True):
    """Where the results of one experiment are; a stage that did not run has no path."""

    name: str
    metrics: str | None = None
    sft: str | None = None
    grpo: str | None = None
    rewards: str | None = None
    merge: str | None = None
    parity: str | None = None


class SplitFile(msgspec.Struct):
    """One file of the split: train.jsonl, val.jsonl, ..."""

    rows: int = 0


class Source(msgspec.Struct):
    """What became of the rows of one source."""

    read: int = 0
    accepted: int = 0
    repaired: int = 0
    rejected: int = 0
    duplicate: int = 0
    codes: dict[str, int] = {}
    train: int = 0
    val: int = 0
    test: int = 0
    grpo: int = 0


class Split(msgspec.Struct):
    """The split stage's manifest."""

    files: dict[str, SplitFile] = {}
    sources: dict[str, Source] = {}
    tasks: dict[str, dict[str, int]] = {}
    modalities: dict[str, dict[str, int]] = {}


class Model(msgspec.Struct):
    """The model stage's manifest: the checkpoint all experiments start from."""

    base: str = ""
    architecture: str = ""
    parameters: int | None = None
    has_talker: bool | None = None


class Comparison(msgspec.Struct):
    """Base against tuned, on the same rows."""

    base: Number | None = None
    tuned: Number | None = None
    change: Number | None = None
    ci95: tuple[Number, Number] | None = None
    n: int = 0
    improved: int = 0
    worsened: int = 0


class MetricKind(msgspec.Struct):
    """How to name a metric and which direction is better."""

    label: str
    higher_is_better: bool


class Values(msgspec.Struct):
    """The metrics of one task of one stage, with their 95 % intervals; again for each modality."""

    n: int
    metrics: dict[str, Number | None]
    ci95: dict[str, tuple[Number, Number] | None] = {}
    modalities: dict[str, "Values"] = {}


class Metrics(msgspec.Struct):
    """metrics.json, its stages reshaped by `read_metrics`."""

    stages: dict[str, dict[str, Values]]
    comparisons: dict[str, dict[str, dict[str, Comparison]]] = {}
    metrics: dict[str, MetricKind] = {}
    unscored: dict[str, dict[str, int]] = {}
    notes: list[str] = []

    def kind(self, metric: str) -> MetricKind:
        """What is known of a metric."""
        return self.metrics.get(metric) or MetricKind(metric, True)


class Training(msgspec.Struct):
    """manifest.json of a training stage's model."""

    run_key: str = ""
    global_step: int | None = None
    max_steps: int | None = None
    train_loss: Number | None = None
    trainable_parameters: int | None = None
    total_parameters: int | None = None
    settings: dict[str, Any] = {}
    versions: dict[str, Any] = {}


class Final(msgspec.Struct):
    """manifest.json of the merged model."""

    run_key: str = ""


class Asked(msgspec.Struct):
    """One row that the merged model and what it was merged from answered."""

    equal: bool


class Parity(msgspec.Struct):
    """parity.json: whether the merged model answers as what it was merged from."""

    rows: list[Asked] = []
    largest_difference: float = 0.0
    tolerance: float = 0.0
    dtype: str = ""


class Curve(msgspec.Struct):
    """The loss by step, training and evaluation; of a training on rewards the mean reward by step."""

    train: list[tuple[int, float]] = []
    evaluation: list[tuple[int, float]] = []
    not_finite: int = 0
    what: str = "loss"


def read(path: Path, kind: type[T]) -> T:
    """The JSON file `path` as `kind`."""
    if not path.is_file():
        raise _broken(path, "there is no such file", "Run the stage that makes it first.")
    return decode(path.read_bytes(), kind, str(path))


def decode(text: str | bytes, kind: type[T], where: str, code: ExitCode = ExitCode.DATA) -> T:
    """JSON text as `kind`, or a PipelineError that says what does not fit."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PipelineError(f"not readable: {error}", where=where, fix="Make it again.", code=code) from None


def read_metrics(path: Path) -> Metrics:
    """metrics.json; in the file a task's metrics lie beside n, here they have a place of their own."""
    raw = read(path, dict[str, Any])
    if "stages" not in raw:
        raise _broken(path, "not a metrics.json: it has no stages", "Run score again.")
    try:
        stages = raw["stages"].items()
        shaped = {stage: {task: _shaped(values) for task, values in tasks.items()} for stage, tasks in stages}
        return msgspec.convert(raw | {"stages": shaped}, Metrics)
    except (msgspec.ValidationError, AttributeError) as error:
        raise _broken(path, f"not a metrics.json: {error}", "Run score again.") from None


def _shaped(values: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {key: values[key] for key in ("n", "ci95") if key in values}
    known["modalities"] = {name: _shaped(part) for name, part in values.get("modalities", {}).items()}
    known["metrics"] = {key: value for key, value in values.items() if key not in ("n", "ci95", "modalities")}
    return known


def read_curve(path: Path) -> Curve | None:
    """The losses of ms-swift's logging lines, or their rewards where they have them; None without a file.

    A resumed training logs some steps twice: the last line of a step is the one that was kept. Lines
    without a step or a loss (the summary at the end) are of no use here.
    """
    if not path.is_file():
        return None
    train: dict[int, float] = {}
    evaluation: dict[int, float] = {}
    what = "loss"
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                # The standard parser, because a diverged training logs NaN, which is not JSON.
                row = json.loads(line)
            except ValueError:
                raise _broken(path, "not a JSON line", "Make it again.", number) from None
            if not isinstance(row, dict) or "global_step/max_steps" not in row:
                continue
            try:
                step = int(str(row["global_step/max_steps"]).partition("/")[0])
                if "eval_loss" in row:
                    evaluation[step] = float(row["eval_loss"])
                # The loss of GRPO is about 0 whatever it learns.
                what = "reward" if "reward" in row else what
                if what in row:
                    train[step] = float(row[what])
            except (TypeError, ValueError):
                raise _broken(path, "the step or the value is not a number", "Make it again.", number) from None
    points = [sorted(losses.items()) for losses in (train, evaluation)]
    finite = [[point for point in series if math.isfinite(point[1])] for series in points]
    return Curve(finite[0], finite[1], sum(map(len, points)) - sum(map(len, finite)), what)


def _broken(path: Path, what: str, fix: str, line: int | None = None) -> PipelineError:
    where = f"{path}:{line}" if line else str(path)
    return PipelineError(what, where=where, fix=fix, code=ExitCode.DATA)
