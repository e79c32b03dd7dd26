"""How a command is doing and how it ended, beside its log, for whoever asks after the terminal is gone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from omnitune import alive
from omnitune.errors import ExitCode, PipelineError, of_machine
from omnitune.publish import write_json
from omnitune.supervisor import signals

SUFFIX = ".verdict.json"
# The Slurm job that snakemake has submitted for this command (rules/common.smk); empty on this machine.
JOB = "OMNITUNE_JOB"
_TAIL_BYTES = 64 * 1024


class Attempt:
    """One try at a command, and what the one before it has left.

    Args:
        path: the verdict's file.
        number: 1 for a person's start, which is always tried; higher when Snakemake tries again.
    """

    def __init__(self, path: Path, number: int = 1) -> None:
        self._path, self._number = path, number
        self._job = os.environ.get(JOB, "")
        self._key = ""
        # Taken away at once: an attempt that is killed leaves none, and an older one does not speak of it.
        self._told = alive.read(path)
        path.unlink(missing_ok=True)

    def works_on(self, key: str) -> None:
        """Say what the result depends on, before the work begins.

        Args:
            key: hash of the run key.

        Raises:
            PipelineError: that of an earlier try, when this one repeats it with the same key to the same end.
        """
        self._key = key
        told = self._told
        # Slurm starts a job again under its old number, and Snakemake's count does not rise.
        repeats = self._number > 1 or (self._job and told.get("job") == self._job)
        asked = told.get("code") == ExitCode.INTERRUPTED
        if asked and self._job:
            return  # on a cluster the scheduler asks, before a job's time is up
        # Who is asked to end may not have come as far as its key.
        if repeats and told.get("hopeless") is True and (asked or told.get("key") == key):
            why = (
                "it was asked to end"
                if asked
                else "the attempt before failed for good, and nothing has changed since"
            )
            print(f"Not tried again: {why}.", flush=True)
            what, where, fix = (str(told.get(part, "")) for part in ("what", "where", "fix"))
            error = PipelineError(what, where=where, fix=fix, code=ExitCode(told["code"]))
            error.hopeless = True
            raise error

    def failed(self, error: PipelineError) -> None:
        """Record how it ended."""
        told = {"code": int(error.code), "what": error.what, "where": error.where, "fix": error.fix}
        write_json(self._path, told | {"key": self._key, "job": self._job, "hopeless": error.hopeless})

    def succeeded(self) -> None:
        """Remove what another start has left meanwhile, which was refused since this one was at work."""
        self._path.unlink(missing_ok=True)


def last_error(log: Path) -> str:
    """The error that a log ends with, as a command's end is told by `errors.run`; empty when it ends otherwise."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace").rstrip()
    except OSError:
        return ""
    _, error, told = f"\n{text}".rpartition("\nerror: ")
    # A sentence may go on in further lines, indented; other lines show that the log went on after it.
    return told if error and all(line.startswith(" ") for line in told.splitlines()[1:]) else ""


@contextmanager
def recorded(log: Path, attempt: int = 1, **watched: Path) -> Iterator[Attempt]:
    """Write `{log's stem}.verdict.json` when the block fails; that of an earlier attempt goes first.

    It holds {code, what, where, fix}, the run key, the Slurm job, and whether another try is hopeless. While the
    block runs, a note says so; see `alive.noted`, also for `watched`.

    Raises:
        Stopped: a signal has asked for the end, and nothing that the block ran has taken it.
    """
    this = Attempt(log.with_name(f"{log.name.removesuffix('.log')}{SUFFIX}"), attempt)
    try:
        with signals.stopping(), alive.noted(log, **watched):
            yield this
    except (PipelineError, OSError) as error:
        with suppress(OSError):  # a disk that is full must not hide what failed
            this.failed(error if isinstance(error, PipelineError) else of_machine(error))
        raise
    this.succeeded()
