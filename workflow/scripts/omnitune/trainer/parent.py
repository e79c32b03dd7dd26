"""A trainer ends with what started it: left alone it would go on writing where the next one begins."""

import ctypes
import os
import signal

# The supervisor marks what it starts. By hand a training may outlive its shell.
MARK = "OMNITUNE_COMMAND"
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent, the supervisor or torch's launcher, is gone.

    SIGTERM would not do: it asks for a checkpoint first, and a process that hangs does not hear it.
    """
    if MARK in os.environ:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
