"""A rank ends with torch's launcher: left alone it would go on writing where the next one begins.

A training of one process is the supervisor's own child, and ends with that (supervisor/guardian.py).
"""

import ctypes
import os
import signal

# The supervisor marks what it starts. By hand a training may outlive its shell.
from omnitune.supervisor.guardian import MARK

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this rank when its parent, torch's launcher, is gone.

    SIGTERM would not do: it asks for a checkpoint first, and a process that hangs does not hear it.
    """
    if MARK in os.environ and "LOCAL_RANK" in os.environ:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
