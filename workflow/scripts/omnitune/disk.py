"""Free space, asked for before the work that needs it."""

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from omnitune.errors import OF_DISK, ExitCode, PipelineError

_TRIED = 64 * 1024  # bytes: a beat takes a page


def require(folder: Path, need: float, what: str, spare: Sequence[Path] = ()) -> None:
    """Refuse to begin what will not fit.

    Args:
        folder: where it will be written; it need not exist yet.
        need: bytes.
        what: what needs them, in the plural: "the checkpoints".
        spare: folders that could go, to be named with their sizes.

    Raises:
        PipelineError: with the code of a full disk, naming need and free space.
    """
    free = shutil.disk_usage(existing(folder)).free
    if free < need:
        sizes = {path: size(path) for path in spare}
        could_go = ", ".join(f"{path} ({text(amount)})" for path, amount in sizes.items() if amount)
        raise PipelineError(
            f"{what} need {text(need)} and {text(free)} are free",
            where=str(folder),
            fix=OF_DISK[errno.ENOSPC] + (f" What could go: {could_go}." if could_go else ""),
            code=ExitCode.DISK,
        )


def refusal(folder: Path) -> OSError | None:
    """Why nothing more can be written into a folder: a full disk, a quota, a mount for reading; None if it can."""
    try:
        with tempfile.TemporaryFile(dir=existing(folder)) as file:
            file.write(bytes(_TRIED))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error if error.errno in OF_DISK else None
    return None


def existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    for path in (folder, *folder.parents):
        if path.is_dir():
            return path
    return Path.cwd()


def size(folder: Path) -> int:
    """Bytes of the files below a folder; what goes away meanwhile does not count."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(where, name).lstat().st_size
    return total


def text(amount: float) -> str:
    """`61 GB`, `1.5 GB`, `12 MB`."""
    if amount >= 1e9:
        return f"{amount / 1e9:.0f} GB" if amount >= 1e10 else f"{amount / 1e9:.1f} GB"
    return f"{amount / 1e6:.0f} MB"
