"""The one error a user sees, and the exit codes of every command."""

import errno
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NoReturn

from omnitune.launcher import end_with_launcher

# Why nothing more can be written, and what helps.
OF_DISK = {
    errno.ENOSPC: "Free space there, then run again.",
    errno.EDQUOT: "Free space there or ask for a larger quota, then run again.",
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f), then run again.",
    errno.EROFS: "Mount it for writing, or write into another folder.",
}
# Controls, what reverses the direction of writing, and half surrogates, which no terminal is given.
_steering_lines = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_steering = re.compile("[\n\t\u2028\u2029]|" + _steering_lines.pattern)


class ExitCode(IntEnum):
    """Exit codes of the commands; verdict.json carries the same numbers."""

    OK = 0
    USAGE = 2
    DATA = 65
    BUG = 70
    DISK = 74
    BUSY = 75
    GPU_MEMORY = 76
    NOT_FINITE = 77
    CONFIG = 78
    HANG = 79
    TRAINER = 80
    INTERRUPTED = 85
    KILLED = 137


# Whoever tries the same again gets the same.
HOPELESS = (ExitCode.DATA, ExitCode.GPU_MEMORY, ExitCode.NOT_FINITE, ExitCode.CONFIG)


class PipelineError(Exception):
    """A failure a user can cause or mend, told in three parts.

    Args:
        what: what is wrong, a clause without full stop.
        where: the file, key or row concerned (`data/train.jsonl:37`); empty when `what` says it.
        fix: what to do, one sentence.
        code: exit code of the command.
        finding: code of the data gate (docs/codes.md), when it is one of a file of rows.

    Attributes:
        hopeless: trying again without a change is no use; by the code, unless the raiser knows better.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        fix: str = "",
        code: ExitCode = ExitCode.CONFIG,
        finding: str = "",
    ) -> None:
        self.what, self.where, self.fix, self.code, self.finding = what, where, fix, code, finding
        self.hopeless = code in HOPELESS
        super().__init__(what)

    def __str__(self) -> str:
        sentence = f"{self.where}: {self.what}" if self.where else self.what
        if self.finding:
            sentence += f" ({self.finding})"
        if not sentence.endswith((".", "?", "!")):
            sentence += "."
        return f"{sentence} {self.fix}".rstrip()


def suggest(name: str, known: Sequence[str]) -> str:
    """`Did you mean X?` for the known name closest to `name`, or an empty string."""
    import difflib

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else ""


def of_machine(error: OSError) -> PipelineError:
    """A full disk, a missing right or a stale mount is the machine's state, not a bug of ours."""
    # A copy that finds the disk full names what it reads first, and then what it writes.
    place = (error.filename2 if error.errno in OF_DISK else None) or error.filename
    return PipelineError(
        error.strerror or str(error),
        where=str(place or "input/output"),
        fix=OF_DISK.get(error.errno or 0, ""),
        code=ExitCode.DISK,
    )


def printable(text: str, line: bool = False) -> str:
    """The text with escapes for what would steer a terminal; of a line, for its ends too."""
    if text.isprintable():
        return text
    return (_steering if line else _steering_lines).sub(lambda found: ascii(found[0])[1:-1], text)


def tell(error: PipelineError) -> None:
    """Print the error's sentence; lines after its first are indented, so that a log shows where it ends."""
    sentence = printable(f"error: {error}")
    print(textwrap.indent(sentence, " " * 7, lambda _: True)[7:], file=sys.stderr, flush=True)


def run(main: Callable[[Sequence[str] | None], int]) -> NoReturn:
    """Run a command's `main(argv)` and exit with its code; a PipelineError is printed as its sentence."""
    end_with_launcher()
    try:
        code = main(None)
    except PipelineError as error:
        tell(error)
        code = error.code
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except OSError as error:
        tell(of_machine(error))
        code = ExitCode.DISK
    except Exception:
        traceback.print_exc()
        print("error: This is a bug of omnitune. Please report it with the lines above.", file=sys.stderr)
        code = ExitCode.BUG
    sys.exit(int(code))
