"""The one table of metrics: what a name in `score.tasks` computes and which direction is better."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from omnitune.errors import ExitCode, PipelineError, suggest
from omnitune.scoring import error_rate, exact_match, math_answer
from omnitune.scoring.counts import Counts


class Metric(NamedTuple):
    """One metric: its words for a reader, its direction and its function of (predictions, references)."""

    label: str
    higher_is_better: bool
    measure: Callable[[Sequence[str], Sequence[str]], Counts]


METRICS = {
    "exact_match": Metric("exact match", True, exact_match.exact_match),
    "wer": Metric("word error rate", False, error_rate.wer),
    "cer": Metric("character error rate", False, error_rate.cer),
    "math_verify": Metric("math answers", True, math_answer.math_verify),
}


def check_tasks(tasks: Any) -> dict[str, list[str]]:
    """`tasks` as {task: metric names}, or a PipelineError that names the key."""
    if not isinstance(tasks, dict) or not tasks:
        raise PipelineError("must map task names to lists of metrics", where="score.tasks", fix=_known())
    for task, names in tasks.items():
        where = f"score.tasks.{task}"
        if not isinstance(names, list) or not names:
            raise PipelineError("must be a list of metrics", where=where, fix=_known())
        for name in names:
            if not isinstance(name, str) or name not in METRICS:
                fix = " ".join(part for part in (suggest(str(name), list(METRICS)), _known()) if part)
                raise PipelineError(f'"{name}" is not a metric', where=where, fix=fix)
        if len(set(names)) < len(names):
            raise PipelineError("names a metric twice", where=where, fix="Name each metric once.")
    return tasks


def of_task(task: str, tasks: dict[str, list[str]], where: str) -> list[str]:
    """The metrics of `task`: its own, or those of `default`."""
    names = tasks.get(task) or tasks.get("default")
    if names is None:
        fix = f"Add {task} or default to score.tasks."
        raise PipelineError(f'the task "{task}" has no metrics', where=where, fix=fix, code=ExitCode.CONFIG)
    return names


def _known() -> str:
    return f"The metrics are {', '.join(METRICS)}."
