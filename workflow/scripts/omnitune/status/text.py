"""The state of runs as text: a table for each, then what failed with its remedy."""

import time
from collections.abc import Mapping, Sequence

from omnitune.columns import aligned
from omnitune.status.stage import Stage

_HEAD = ("stage", "of", "state", "progress", "loss", "left", "last sign", "process")


def as_text(runs: Mapping[str, Sequence[Stage]]) -> str:
    """The runs for a person; one sentence when there are none."""
    if not runs:
        return "Nothing has run here yet. What snakemake would do: make plan"
    now = time.time()
    return "\n\n".join(_run(name, stages, now) for name, stages in runs.items())


def _run(name: str, stages: Sequence[Stage], now: float) -> str:
    lines = [f"Run {name}", *aligned([_HEAD, *(_cells(stage, now) for stage in stages)])]
    for stage in stages:
        who = " ".join(filter(None, (stage.name, stage.of)))
        if stage.state == "failed":
            lines += ["", f"{who} failed: {stage.reason}"]
        elif stage.state == "killed":
            lines += ["", f"{who} was killed: its process is gone. The same snakemake command goes on with it."]
    return "\n".join(lines)


def _cells(stage: Stage, now: float) -> tuple[str, ...]:
    cells = (stage.progress, stage.loss, stage.left, _ago(now - stage.when), stage.process)
    return (stage.name, *(cell or "-" for cell in (stage.of, stage.state, *cells)))


def _ago(seconds: float) -> str:
    seconds = max(0, round(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
