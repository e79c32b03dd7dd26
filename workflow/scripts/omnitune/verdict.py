"""How a command ended, beside its log, for whoever asks after the terminal is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnitune.errors import PipelineError
from omnitune.publish import write_json


@contextmanager
def recorded(log: Path) -> Iterator[None]:
    """Write {code, what, where, fix} to `{log's stem}.verdict.json` when the block fails; remove it when not."""
    path = log.with_name(f"{log.name.removesuffix('.log')}.verdict.json")
    try:
        yield
    except PipelineError as error:
        verdict = {"code": int(error.code), "what": error.what, "where": error.where, "fix": error.fix}
        write_json(path, verdict)
        raise
    path.unlink(missing_ok=True)
