"""What a process that reads strangers' files gives up before it does."""

import contextlib
import ctypes
import math
import os
import resource
import signal
from collections.abc import Collection

# Decoders and their libraries map 0.26 GiB at the start; the largest picture that is let in (50 megapixels, four
# bytes each, held three times over while it is turned) takes 0.6 GiB more.
MEMORY = 2 << 30
_OPEN_FILES = 64
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT = 64 << 20


def confine(keep: Collection[int], writes: int = 0) -> None:
    """Bind this process: memory, files, no core dump, no words, and an end with its parent.

    Args:
        keep: descriptors that stay open; the others are closed.
        writes: bytes that a file it writes may have.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Ctrl-C reaches the whole group; it is the parent that ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One of them tells the process that this one was forked from whether it still has a reason to live.
    for descriptor in {int(name) for name in os.listdir("/proc/self/fd")} - {*keep}:  # noqa: PTH208
        with contextlib.suppress(OSError):
            os.close(descriptor)
    # In the places of the standard streams, which are free now.
    for _ in range(3):
        os.open(os.devnull, os.O_RDWR)
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_FSIZE, writes),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))


def keep_memory() -> None:
    """Let malloc keep what is freed: new pages for every file cost a sixth of a short sound's decoding."""
    # Only glibc has it, and gives freed memory back that early.
    with contextlib.suppress(AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _KEPT // 2)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def allow_cpu(seconds: float) -> None:
    """Let this process use `seconds` more of processor time; then SIGXCPU ends it, even without a parent."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))
