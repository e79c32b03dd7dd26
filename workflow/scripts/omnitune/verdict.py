"""How a command is doing and how it ended, beside its log, for whoever asks after the terminal is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnitune import alive
from omnitune.errors import PipelineError, of_machine
from omnitune.publish import write_json

SUFFIX = ".verdict.json"


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
