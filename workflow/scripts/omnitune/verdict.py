"""How a command ended, beside its log, for whoever asks after the terminal is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnitune.errors import PipelineError, of_machine
from omnitune.publish import write_json


@contextmanager
def recorded(log: Path) -> Iterator[None]:
    """Write {code, what, where, fix} to `{log's stem}.verdict.json` when the block fails; remove it when not."""
    path = log.with_name(f"{log.name.removesuffix('.log')}.verdict.json")
    try:
        yield
    except (PipelineError, OSError) as error:
        told = error if isinstance(error, PipelineError) else of_machine(error)
        write_json(path, {"code": int(told.code), "what": told.what, "where": told.where, "fix": told.fix})
        raise
    path.unlink(missing_ok=True)
