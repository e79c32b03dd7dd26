"""The order of an end: a checkpoint if there is time for one, then a signal, then a kill."""

import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from omnitune.duration import duration
from omnitune.supervisor.family import Family
from omnitune.supervisor.output import Output
from omnitune.supervisor.signals import Wishes
from omnitune.trainer.stop import FILE as STOP
from omnitune.trainer.stop import FOLLOWED

# What may pass between SIGTERM and SIGKILL when a checkpoint was waited for before, or there is none to wait for.
_TERM_SECONDS = 10.0
# Nothing may run 5 s after the launcher's end.
_ORPHAN_SECONDS = 2.5
_STACKS_SECONDS = 2.0
_QUIET_SECONDS = 0.4
_POLL_SECONDS = 0.05
STACKS = "(most recent call first)"  # how Python's faulthandler begins


def begin(work: Path | None) -> None:
    """Take back the wish that ended an earlier start."""
    if work:
        for name in (STOP, FOLLOWED):
            (work / name).unlink(missing_ok=True)


def stop(
    family: Family, wishes: Wishes, work: Path | None, grace: float, *, saves: bool, saving: Callable[[], bool]
) -> None:
    """Ask the family to end, and wait until it has, or its time is over; a second wish shortens what is left.

    Args:
        family: what is to end; whoever is left of it is killed by the caller.
        wishes: who asks; the first wish has come.
        work: folder for the file that asks for a checkpoint.
        grace: seconds until that checkpoint is there or being written; without a folder those between SIGTERM and
            SIGKILL.
        saves: there is something to save.
        saving: whether a checkpoint is being written: that is waited for, until a second wish.
    """
    if wishes.launcher.is_gone():
        ended = False
    elif work and saves:
        again = wishes.again()
        _ask_for_checkpoint(work)
        print(f"{wishes.first}: a checkpoint is asked for, to be begun within {duration(grace)}.", flush=True)
        ended = _ends(family, grace, wishes, saving) or _terminated(
            family, _TERM_SECONDS, wishes, lambda: saving() and not again()
        )
    else:
        ended = _terminated(family, _TERM_SECONDS if work else grace, wishes)
    if not ended and wishes.launcher.is_gone():  # now, or while a checkpoint was waited for
        _ask_for_checkpoint(work)
        family.ask(signal.SIGTERM)
        ended = _ends(family, _ORPHAN_SECONDS)
    if not ended:
        print("It did not end in time: killed.", file=sys.stderr, flush=True)


def write_stacks(family: Family, output: Output) -> bool:
    """Have each rank that hangs write where it stands into the log; whether one could."""
    received = output.received
    if not family.tell(signal.SIGUSR1):
        return False
    grown = end = time.monotonic() + _STACKS_SECONDS  # quiet counts from its first word: a busy machine is late
    while time.monotonic() < min(end, grown + _QUIET_SECONDS):
        if output.received != received:
            grown, received = time.monotonic(), output.received
        time.sleep(_POLL_SECONDS)
    return STACKS in output.tail


def _ask_for_checkpoint(work: Path | None) -> None:
    if work and work.is_dir():
        with suppress(OSError):  # on a full disk the signal that follows asks for it
            (work / STOP).touch()


def _terminated(
    family: Family, seconds: float, wishes: Wishes, saving: Callable[[], bool] = lambda: False
) -> bool:
    family.ask(signal.SIGTERM)
    return _ends(family, seconds, wishes, saving)


def _ends(
    family: Family,
    seconds: float,
    wishes: Wishes | None = None,
    saving: Callable[[], bool] = lambda: False,
) -> bool:
    """Whether it does so in so many seconds or while it saves; a new wish, or a launcher gone, ends the wait."""
    end, again = time.monotonic() + seconds, wishes.again() if wishes else lambda: False
    while family.returncode is None:
        if again() or (wishes and wishes.launcher.is_gone()) or (time.monotonic() > end and not saving()):
            return False
        time.sleep(_POLL_SECONDS)
    return True
