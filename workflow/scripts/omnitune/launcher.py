"""The process whose death ends our commands: Snakemake, which leaves its jobs running when it is killed."""

import os
import sys
import threading
import time
from pathlib import Path

# Its number; Snakemake sets it for its jobs (rules/common.smk). Without it a person has started the command. A job
# that starts another command adds its own: the end of either is the other's.
VARIABLE = "OMNITUNE_LAUNCHER_PID"
_POLL_SECONDS = 0.25
# What a command may still do in order: a supervisor ends its trainer. Nothing runs 5 s after the launcher's end.
_ORDER_SECONDS = 3.5


class Launcher:
    """The launchers of this process, as they were at the first look."""

    def __init__(self) -> None:
        self._born = {pid: _born(pid) for pid in os.environ.get(VARIABLE, "").split() if pid.isdigit()}

    def is_gone(self) -> bool:
        """Whether there is one that has ended; another process may have its number by now."""
        return any(born is None or _born(pid) != born for pid, born in self._born.items())


def ours() -> dict[str, str]:
    """The variable for a command that is to end with this process as well as with our own launcher."""
    return {VARIABLE: f"{os.environ.get(VARIABLE, '')} {os.getpid()}".strip()}


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
