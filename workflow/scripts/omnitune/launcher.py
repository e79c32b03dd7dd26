"""The process whose death ends our commands: Snakemake, which leaves its jobs running when it is killed."""

import os
import sys
import threading
import time
from pathlib import Path

# Its number; Snakemake sets it for its jobs (rules/common.smk). Without it a person has started the command.
VARIABLE = "OMNITUNE_LAUNCHER_PID"
_POLL_SECONDS = 0.5
# What a command may still do in order: a supervisor ends its trainer. Nothing runs 5 s after the launcher's end.
_ORDER_SECONDS = 4.0


class Launcher:
    """The launcher of this process, as it was at the first look."""

    def __init__(self) -> None:
        named = os.environ.get(VARIABLE, "")
        self._pid = named if named.isdigit() else ""
        self._born = _born(self._pid)

    def is_gone(self) -> bool:
        """Whether there is one that has ended; another process may have its number by now."""
        return bool(self._pid) and (self._born is None or _born(self._pid) != self._born)


def end_with_launcher() -> None:
    """End this process soon after its launcher, whatever it does then."""
    launcher = Launcher()
    if os.environ.get(VARIABLE):
        threading.Thread(target=_end, args=(launcher,), daemon=True).start()


def _end(launcher: Launcher) -> None:
    while not launcher.is_gone():
        time.sleep(_POLL_SECONDS)
    time.sleep(_ORDER_SECONDS)
    print("error: Snakemake is gone, and this job ends with it. Run the same snakemake command again.",
          file=sys.stderr, flush=True)  # fmt: skip
    os._exit(85)


def _born(pid: str) -> bytes | None:
    """When a process started, in ticks since the machine did; None when it has ended."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (OSError, ValueError):
        return None
    return None if state == b"Z" else fields[18]
