"""Why a command failed, in what, where and what to do, from how it ended and the end of its log."""

import re
import signal
from itertools import zip_longest
from pathlib import Path

from omnitune.errors import HOPELESS, ExitCode, PipelineError
from omnitune.supervisor.known_failures import KNOWN

_LONGEST = 300
# torch's launcher ends with 1 when one of its processes was killed; which came first stands in a table.
_RANK_KILLED = re.compile(r"Root Cause.*^ *exitcode +: -9 ", re.S | re.M)
# ChildFailedError is that launcher's, and says no more than that a rank ended.
_ERROR = re.compile(r"(?!\S*ChildFailedError)(\[rank\d+\]: )?[\w.]*(Error|Exception|Interrupt)\b")
# Of a rank or a vLLM engine, if it bears its name.
_TRACEBACK = re.compile(r"^(\[rank\d+\]|\([^()\n]*pid=\d+\))?.*Traceback \(most recent call last\):", re.M)
_CHAINED = re.compile("During handling of the above exception|direct cause of the following exception")


def explain(
    returncode: int, tail: str, log: Path, *, stage: str = "", memory_was_full: bool = False
) -> PipelineError:
    """The error of a command that failed.

    Args:
        returncode: its exit code, a signal as a negative number.
        tail: the end of its output.
        log: where the whole of it is.
        stage: section of the config, of what trains.
        memory_was_full: the kernel has killed for want of memory while it ran.
    """
    if returncode == -signal.SIGKILL or _RANK_KILLED.search(tail):
        return _killed(log, stage, memory_was_full)
    last = _last_tracebacks(tail)
    for pattern, failure in KNOWN:
        # What would end every further try must be what ended this one.
        if found := pattern.search(tail, last if failure.code in HOPELESS else 0):
            return PipelineError(
                _line(tail, found.start()), where=str(log), fix=failure.remedy(stage), code=failure.code
            )
    how = f"with {returncode}" if returncode > 0 else f"by {signal.Signals(-returncode).name}"
    return PipelineError(
        f"ms-swift ended {how}: {last_error(tail)}",
        where=str(log),
        fix="Its whole output is in that file.",
        code=ExitCode.TRAINER,
    )


def _last_tracebacks(tail: str) -> int:
    """Where the tracebacks begin that it ended with; 0 when there are none.

    What was told before them it has survived: a package that it can do without, a row that it passed over. They
    are the last of each rank or engine, else the last of all; with those that they are chained to, and without the
    launcher's.
    """
    found = list(_TRACEBACK.finditer(tail))
    begins: dict[str, int] = {}
    before: dict[str, int] = {}
    for one, after in zip_longest(found, found[1:]):
        if "ChildFailedError" in tail[one.start() : after.start() if after else None]:
            continue
        process = one[1] or ""
        if process not in before or not _CHAINED.search(tail, before[process], one.start()):
            begins[process] = one.start()
        before[process] = one.start()
    return min((begin for process, begin in begins.items() if process), default=begins.get("", 0))


def _killed(log: Path, stage: str, memory_was_full: bool) -> PipelineError:
    if memory_was_full:
        what = "ms-swift was killed by the kernel: the machine's memory was used up"
        more = f"Lower {stage}.dataloader_workers or raise resources.train_mem_gib"
        fix = f"{more if stage else 'Raise resources.infer_mem_gib'}; "
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
