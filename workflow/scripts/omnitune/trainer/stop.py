"""A wish to stop, heard at the end of a step: by a file, or by a signal to any process of the training."""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

FILE = "stop"
FOLLOWED = "stopped"  # left by a training that ends since it was asked to; ms-swift's exit code does not tell


class StopRequest:
    """Whether somebody wants this training to save and stop.

    Args:
        work: folder of the checkpoints; the file `stop` in it is a request.
        looks: whether this process looks for the file; one does, for all.
    """

    def __init__(self, work: Path, *, looks: bool) -> None:
        self._file = work / FILE
        self._looks = looks
        self._signalled = False

    def listen(self) -> None:
        """Take SIGTERM and SIGINT for requests; a second SIGINT interrupts as ever."""
        signal.signal(signal.SIGTERM, self._note)
        signal.signal(signal.SIGINT, self._note)
        os.register_at_fork(after_in_child=_hear_the_parent_alone)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signalled = True
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @property
    def wanted(self) -> bool:
        """Whether a request has reached this process."""
        return self._signalled or (self._looks and self._file.exists())

    def follow(self) -> None:
        """Note that this training ends at a request, which may have reached another process of it."""
        if self._looks:
            with suppress(OSError):  # a full disk
                self._file.with_name(FOLLOWED).touch()

    def done(self) -> None:
        """The request was followed: the next run is not to find it."""
        if self._looks:
            self._file.unlink(missing_ok=True)


def _hear_the_parent_alone() -> None:
    """Let a loader of rows end when the trainer tells it to, and not with it.

    Who stops a job signals all its processes; a loader that ended at once would fail the step that is to be saved.
    """
    parent, signals = os.getppid(), [signal.SIGTERM, signal.SIGINT]
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def wait() -> None:
        while signal.sigwaitinfo(signals).si_pid != parent:
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def agreed(wanted: bool, device: Any) -> bool:
    """Whether any process of the training wants it; all of them learn it at the same step.

    Args:
        wanted: what this process knows.
        device: where its tensors are that the others can see.
    """
    import torch
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return wanted
    flag = torch.tensor([int(wanted)], dtype=torch.uint8, device=device)
    distributed.all_reduce(flag, op=distributed.ReduceOp.MAX)
    return bool(flag.item())
