"""Whether a command still gets on: heartbeats of its ranks, growth of its trainer's log, at times its output."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from omnitune import disk, training_log
from omnitune.duration import duration
from omnitune.trainer import heartbeat
from omnitune.trainer.heartbeat import Beat

_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Limits:
    """What a command is given, seconds.

    Attributes:
        first_step: without a sign of progress until the first step is done (loading, mapping of rows, compiling),
            and in the phases that may not beat: while completions are sampled, or a checkpoint is saved.
        stall: without a sign of progress afterwards.
        grace: from the wish to end until it is killed, if it does not write a checkpoint then.
    """

    first_step: float = 1800
    stall: float = 600
    grace: float = 90

    def of(self, beats: Collection[Beat], *, stepped: bool) -> float:
        """How long a command that stands there may give no sign."""
        quiet = not stepped or any(beat.phase in heartbeat.QUIET for beat in beats)
        return self.first_step if quiet else self.stall


class Watchdog:
    """Looks at the signs of one command.

    Signs count when they change, not by their time: clocks of a file server and of this machine may differ. Once a
    step is done, output is none: a rank that hangs may go on warning, and others print while they wait for it. It
    counts in the phases without beats, and where nothing beats. While a checkpoint is saved its growth counts too:
    it beats only when it is sealed.

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
        self._beats: dict[int, Beat] = {}  # by rank
        self._signs: object = None
        self._since = self._looked = time.monotonic()

    def has_stepped(self) -> bool:
        """Whether there is a step that an end would lose."""
        self._look()
        return self._step() > self._begin or self._steps_log() != self._log_size

    def stalled(self) -> str | None:
        """Look, at most once a second; says so when there was no sign for too long."""
        now, limits = time.monotonic(), self._limits or Limits()
        if now - self._looked < min(_LOOK_SECONDS, limits.stall / 10):
            return None
        self._looked = now
        stepped = self.has_stepped()
        speaks = not stepped or heartbeat.is_quiet(self._beats.values())
        signs = dict(self._beats), self._steps_log(), self._saved(), self._received() if speaks else None
        if signs != self._signs:
            self._signs, self._since = signs, now
        if self._limits is None or now - self._since <= limits.of(self._beats.values(), stepped=stepped):
            return None
        return f"there was no sign of progress for {duration(now - self._since)}{self._place(stepped)}"

    def is_saving(self) -> bool:
        """Whether a checkpoint is written now, with signs of progress."""
        if self.stalled():
            return False
        if not self._phase_is_save():  # as far as was seen a moment ago
            self._look()
        return self._phase_is_save()

    def _look(self) -> None:
        self._beats |= {beat.rank: beat for beat in heartbeat.read(self._work)} if self._work else {}

    def _step(self) -> int:
        return max((beat.step for beat in self._beats.values()), default=0)

    def _steps_log(self) -> int:
        try:
            return (self._work / training_log.FILE).stat().st_size if self._work else 0
        except OSError:
            return 0

    def _saved(self) -> int | None:
        """Bytes of the checkpoints while one is saved."""
        if self._work and self._phase_is_save():
            return sum(disk.size(folder) for folder in self._work.glob("checkpoint-*"))
        return None

    def _phase_is_save(self) -> bool:
        return any(beat.phase == "save" for beat in self._beats.values())

    def _place(self, stepped: bool) -> str:
        if self._work is None:
            return ""
        if not stepped:
            return " before its first step"
        total = max((beat.max_steps for beat in self._beats.values()), default=0)
        return f" after step {self._step()} of {total}" if total else " between its steps"


def _last_checkpoint(work: Path) -> int:
    """The step that a resumed training begins with."""
    names = (path.name.removeprefix("checkpoint-") for path in work.glob("checkpoint-*"))
    return max((int(name) for name in names if name.isdecimal()), default=0)
