"""Who asks a command to end: a person or a scheduler by signal, or the end of its launcher."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

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


@contextmanager
def collected() -> Iterator[Wishes]:
    """Collect the wishes while the block runs."""
    wishes = Wishes()
    before = {kind: signal.signal(kind, wishes.take) for kind in _KINDS}
    try:
        yield wishes
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
