"""Why a command failed, in what, where and what to do, from how it ended and the end of its log."""

import re
import signal
from pathlib import Path

from omnitune.errors import ExitCode, PipelineError
from omnitune.supervisor.known_failures import KNOWN

_LONGEST = 300
# torch's launcher ends with 1 when one of its processes was killed; which came first stands in a table.
_RANK_KILLED = re.compile(r"Root Cause.*^ *exitcode +: -9 ", re.S | re.M)
# ChildFailedError is that launcher's, and says no more than that a rank ended.
_ERROR = re.compile(r"(?!\S*ChildFailedError)(\[rank\d+\]: )?[\w.]*(Error|Exception|Interrupt)\b")


def explain(returncode: int, tail: str, log: Path, *, memory_was_full: bool = False) -> PipelineError:
    """The error of a command that failed.

    Args:
        returncode: its exit code, a signal as a negative number.
        tail: the end of its output.
        log: where the whole of it is.
        memory_was_full: the kernel has killed for want of memory while it ran.
    """
    if returncode == -signal.SIGKILL or _RANK_KILLED.search(tail):
        return _killed(log, memory_was_full)
    for pattern, code, fix in KNOWN:
        if found := pattern.search(tail):
            return PipelineError(_line(tail, found.start()), where=str(log), fix=fix, code=code)
    how = f"with {returncode}" if returncode > 0 else f"by {signal.Signals(-returncode).name}"
    return PipelineError(
        f"ms-swift ended {how}: {last_error(tail)}",
        where=str(log),
        fix="Its whole output is in that file.",
        code=ExitCode.TRAINER,
    )


def _killed(log: Path, memory_was_full: bool) -> PipelineError:
    if memory_was_full:
        what = "ms-swift was killed by the kernel: the machine's memory was used up"
        fix = "Lower sft.dataloader_workers or raise resources.train_mem_gib; "
    else:
        what = "ms-swift was killed, by hand or because the machine's memory was used up"
        fix = "Look at the kernel's log for the second; "
    fix += "the same command goes on from the last checkpoint."
    return PipelineError(what, where=str(log), fix=fix, code=ExitCode.KILLED)


def kernel_kills(told: Path = Path("/proc/vmstat")) -> int:
    """How often the kernel has killed for want of memory since the machine started; 0 where it does not say."""
    try:
        found = re.search(r"^oom_kill (\d+)$", told.read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def last_error(tail: str) -> str:
    """The last line that names an exception, else the last line."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    return (errors or lines or ["no output"])[-1][:_LONGEST]


def _line(text: str, place: int) -> str:
    begin, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
    return text[begin : end if end >= 0 else None].strip()[:_LONGEST]
