"""Whether a command still gets on: heartbeats of its ranks, growth of its log and of its output."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omnitune import training_log
from omnitune.duration import duration
from omnitune.trainer import heartbeat

_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Limits:
    """What a command is given, seconds.

    Attributes:
        first_step: without a sign of progress until the first step is done (loading, mapping of rows, compiling),
            and while a checkpoint is saved: a rank says nothing then.
        stall: without a sign of progress afterwards.
        grace: from the wish to end until it is killed: for a checkpoint.
    """

    first_step: float = 1800
    stall: float = 600
    grace: float = 90


class Watchdog:
    """Looks at the signs of one command.

    Signs count when they change, not by their time: clocks of a file server and of this machine may differ.

    Args:
        work: folder of the checkpoints; without one the output alone is a sign.
        limits: None watches nothing.
        received: how much output has come.
    """

    def __init__(self, work: Path | None, limits: Limits | None, received: Callable[[], int]) -> None:
        self._work, self._limits, self._received = work, limits, received
        if work:
            heartbeat.clear(work)
        self._log_size = self._steps_log()
        self._begin = _last_checkpoint(work) if work else 0
        self._beats: dict[str, dict[str, Any]] = {}  # by file, one a rank
        self._signs: object = None
        self._since = self._looked = time.monotonic()

    def has_stepped(self) -> bool:
        """Whether there is a step that an end would lose."""
        self._read()
        steps = [beat["step"] for beat in self._beats.values() if isinstance(beat.get("step"), int)]
        return max(steps, default=0) > self._begin or self._steps_log() != self._log_size

    def pids(self) -> list[int]:
        """Processes of this machine that beat: each can write down its stacks."""
        here = os.uname().nodename
        pids = (beat.get("pid") for beat in self._beats.values() if beat.get("host", here) == here)
        return [pid for pid in pids if isinstance(pid, int)]

    def stalled(self) -> str | None:
        """Look, at most once a second; says so when there was no sign for too long."""
        now, limits = time.monotonic(), self._limits or Limits()
        if now - self._looked < min(_LOOK_SECONDS, limits.stall / 10):
            return None
        self._looked = now
        if (signs := self._read()) != self._signs:
            self._signs, self._since = signs, now
        stepped = self.has_stepped()
        long = not stepped or any(str(beat.get("phase")).startswith("save") for beat in self._beats.values())
        if self._limits is None or now - self._since <= (limits.first_step if long else limits.stall):
            return None
        return f"there was no sign of progress for {duration(now - self._since)} {self._place(stepped)}"

    def _read(self) -> object:
        """Look at all there is; what it returns changes when there was a sign."""
        times = {}
        for path in (self._work / heartbeat.FOLDER).glob("*.json") if self._work else ():
            try:
                times[path.name] = path.stat().st_mtime_ns
                beat = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(beat, dict):
                self._beats[path.name] = beat
        return times, self._steps_log(), self._received()

    def _steps_log(self) -> int:
        try:
            return (self._work / training_log.FILE).stat().st_size if self._work else 0
        except OSError:
            return 0

    def _place(self, stepped: bool) -> str:
        steps = [beat["step"] for beat in self._beats.values() if isinstance(beat.get("step"), int)]
        if not stepped:
            return "before its first step"
        total = next((beat.get("max_steps") for beat in self._beats.values()), None)
        return f"after step {max(steps)} of {total}" if steps and total else "between its steps"


def _last_checkpoint(work: Path) -> int:
    """The step that a resumed training begins with."""
    names = (path.name.removeprefix("checkpoint-") for path in work.glob("checkpoint-*"))
    return max((int(name) for name in names if name.isdecimal()), default=0)
