"""Who asks a command to end: a person or a scheduler by signal, or the end of its launcher."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from omnitune.errors import ExitCode, PipelineError
from omnitune.launcher import Launcher

_KINDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# A terminal, a shell and Slurm may each hand on one and the same wish.
_SAME_SECONDS = 1.0


class Wishes:
    """The wishes to end that have come.

    Attributes:
        launcher: whose end is a wish too.
        count: how many came by signal.
        first: the signal of the first; empty before it.
    """

    def __init__(self) -> None:
        self.launcher = Launcher()
        self._last = float("-inf")
        self.count = 0
        self.first = ""

    def take(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: we must not die of it with the command left behind."""
        now = time.monotonic()
        if now - self._last >= _SAME_SECONDS:
            self._last = now
            self.count += 1
            self.first = self.first or signal.Signals(number).name

    @property
    def wanted(self) -> bool:
        """Whether somebody wants an end."""
        return self.count > 0 or self.launcher.is_gone()

    @property
    def who(self) -> str:
        """Who wants it."""
        return self.first or "the end of Snakemake"

    def again(self) -> Callable[[], bool]:
        """A question: has another signal come since now?"""
        before = self.count
        return lambda: self.count > before


class Stopped(PipelineError):
    """The command was asked to end, and did."""

    @classmethod
    def by(cls, wishes: Wishes, fix: str = "The same command goes on from the last checkpoint.") -> "Stopped":
        """The end that was asked for; who asked does not want it tried again."""
        error = cls(f"Stopped by {wishes.who}", fix=fix, code=ExitCode.INTERRUPTED)
        error.hopeless = wishes.count > 0
        return error


@contextmanager
def collected() -> Iterator[Wishes]:
    """Collect the wishes while the block runs, for it to look at."""
    wishes = Wishes()
    with _handled(wishes.take):
        yield wishes


@contextmanager
def stopping() -> Iterator[None]:
    """Let a wish end the block wherever it stands, but where it collects them itself.

    Raises:
        Stopped: one came.
    """
    wishes = Wishes()

    def interrupt(number: int, frame: FrameType | None) -> None:
        came = wishes.again()
        wishes.take(number, frame)
        if came():
            raise KeyboardInterrupt

    with _handled(interrupt):
        try:
            yield
        except KeyboardInterrupt:
            if not wishes.count:
                raise
            raise Stopped.by(wishes, fix="Run the same command again: it goes on from what is whole.") from None


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    # Under nohup the end of the terminal is to end nothing.
    hung_up = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
    kinds = [kind for kind in _KINDS if kind != signal.SIGHUP or hung_up]
    before = {kind: signal.signal(kind, handler) for kind in kinds}
    try:
        yield
    finally:
        for kind, earlier in before.items():
            signal.signal(kind, earlier)
