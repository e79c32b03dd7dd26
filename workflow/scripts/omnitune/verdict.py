"""How a command is doing and how it ended, beside its log, for whoever asks after the terminal is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnitune import alive
from omnitune.errors import PipelineError, of_machine
from omnitune.publish import write_json

SUFFIX = ".verdict.json"
_TAIL_BYTES = 64 * 1024


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
def recorded(log: Path, **watched: Path) -> Iterator[None]:
    """Write {code, what, where, fix} to `{log's stem}.verdict.json` when the block fails; remove it when not.

    While it runs, a note says so; see `alive.noted`, also for `watched`.
    """
    path = log.with_name(f"{log.name.removesuffix('.log')}{SUFFIX}")
    try:
        with alive.noted(log, **watched):
            yield
    except (PipelineError, OSError) as error:
        told = error if isinstance(error, PipelineError) else of_machine(error)
        write_json(path, {"code": int(told.code), "what": told.what, "where": told.where, "fix": told.fix})
        raise
    path.unlink(missing_ok=True)
