"""The state of runs as text: a table for each, then what failed with its remedy."""

import time
from collections.abc import Iterator, Mapping, Sequence

from omnitune.columns import aligned
from omnitune.duration import duration
from omnitune.status.stage import Stage

HEAD = ("stage", "of", "state", "progress", "loss", "speed", "left", "saved", "gpus", "last sign", "process")


def as_text(runs: Mapping[str, Sequence[Stage]]) -> str:
    """The runs for a person; one sentence when there are none."""
    if not runs:
        return "Nothing has run here yet. What snakemake would do: make plan"
    now = time.time()
    return "\n\n".join(_run(name, stages, now) for name, stages in runs.items())


def _run(name: str, stages: Sequence[Stage], now: float) -> str:
    lines = [f"Run {name}", *aligned([HEAD, *(cells(stage, now) for stage in stages)])]
    return "\n".join([*lines, *(line for note in notes(stages) for line in ("", note))])


def notes(stages: Sequence[Stage]) -> Iterator[str]:
    """What is to be said beside the table."""
    for stage in stages:
        who = " ".join(filter(None, (stage.name, stage.of)))
        if stage.state == "killed":
            yield f"{who} was killed: its process is gone. The same snakemake command goes on with it."
        elif stage.state in ("failed", "stalled"):
            yield f"{who} {'failed:' if stage.state == 'failed' else 'is stalled:'} {stage.reason}"


def cells(stage: Stage, now: float) -> tuple[str, ...]:
    """A line of the table under HEAD; `now` in seconds since the epoch."""
    known = (stage.progress, stage.loss, stage.speed, stage.left, stage.saved, stage.gpus)
    found = (stage.of, stage.state, *known, _ago(now - stage.when), stage.process)
    return (stage.name, *(cell or "-" for cell in found))


def _ago(seconds: float) -> str:
    return f"{duration(max(0, round(seconds)))} ago"
