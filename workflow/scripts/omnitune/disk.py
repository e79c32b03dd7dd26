"""Room on the disk, asked for before the work that needs it."""

import shutil
from pathlib import Path

from omnitune.errors import ExitCode, PipelineError

# For what lies beside the large files, and so that nobody else is left without any.
_SPARE = 64 * 1024**2


def require(folder: Path, size: int, purpose: str) -> None:
    """Stop before the first byte is written when so many do not fit.

    Args:
        folder: where they will be written; it need not exist yet.
        size: bytes.
        purpose: what they are, as in `the final model`.

    Raises:
        PipelineError: with what is needed and what is free.
    """
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    if free < size + _SPARE:
        raise PipelineError(
            f"{purpose} needs {_gb(size + _SPARE)}, and {_gb(free)} are free",
            where=str(folder),
            fix="Free space there (make clean removes a run), then run again.",
            code=ExitCode.DISK,
        )


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
