"""How far a training is, from what it leaves among its checkpoints: heartbeats, ms-swift's log, sealed folders."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omnitune import seals, training_log
from omnitune.trainer import heartbeat

_TAIL_BYTES = 64 * 1024


@dataclass(frozen=True)
class Progress:
    """A look at a training; what is unknown is empty.

    Attributes:
        step: `40/180`.
        loss: the newest training loss.
        speed: `4.1 s/it`, over this start.
        left: time that is left, as ms-swift estimates it.
        saved: step of the newest sealed checkpoint.
    """

    step: str = ""
    loss: str = ""
    speed: str = ""
    left: str = ""
    saved: str = ""

    def line(self) -> str:
        """`step 40/180  loss 1.234  4.1 s/it  left 9m 3s  last checkpoint 30`; empty before the first step."""
        named = (("step ", self.step), ("loss ", self.loss), ("", self.speed), ("left ", self.left),
                 ("last checkpoint ", self.saved))  # fmt: skip
        return "  ".join(name + value for name, value in named if value) if self.step else ""


def look(work: Path, since: float = 0.0) -> Progress:
    """The progress in a folder of checkpoints, by what was written after `since` (seconds since the epoch)."""
    record = _newest_line(work / training_log.FILE) if modified(work / training_log.FILE) >= since else {}
    return Progress(
        step=_beat(work, since) or str(record.get("global_step/max_steps", "")),
        loss=number(record.get("loss")),
        speed=f"{speed} s/it" if (speed := number(record.get("train_speed(s/it)"))) else "",
        left=left if isinstance(left := record.get("remaining_time"), str) else "",
        saved=_saved(work),
    )


def modified(path: Path) -> float:
    """When a file was written last; 0 when it is not there."""
    try:
        return path.stat().st_mtime
    except (OSError, ValueError):
        return 0.0


def number(value: Any) -> str:
    """A number with four digits; empty for what is none."""
    return f"{value:.4g}" if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _newest_line(path: Path) -> dict[str, Any]:
    """The newest whole training line."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = file.read().split(b"\n")
    except (OSError, ValueError):
        return {}
    for line in reversed(lines):
        record = _json(line)
        step = record.get("global_step/max_steps")
        if isinstance(step, str) and re.fullmatch(r"\d+/\d+", step) and "loss" in record:
            return record
    return {}


def _beat(work: Path, since: float) -> str:
    steps = [(beat.step, beat.max_steps) for beat in heartbeat.read(work, since) if beat.step > 0]
    return "{}/{}".format(*max(steps)) if steps else ""


def _saved(work: Path) -> str:
    return str(max(_sealed(work), default=""))


def _sealed(work: Path) -> Iterator[int]:
    for path in work.glob(f"checkpoint-*/{seals.FILE}"):
        if (step := path.parent.name.removeprefix("checkpoint-")).isdecimal():
            yield int(step)


def _json(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
