"""The one way a result becomes visible: written beside its place, flushed to disk, renamed.

A file or folder that can be seen is complete; a crash leaves the old one or none.
"""

import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from omnitune.errors import OF_DISK

MANIFEST = "manifest.json"


@contextmanager
def open_atomic(path: Path) -> Iterator[BinaryIO]:
    """A binary file that appears at `path` only when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, file = _temporary(path)
    with _named(path):
        with file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                temporary.rename(path)
            except BaseException:
                # Only as long as it is locked: later it may be another's.
                temporary.unlink(missing_ok=True)
                raise
        fsync_folder(path.parent)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let the error of a full disk say what was to be written: that of a write names no file."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in OF_DISK:
            error.filename = str(path)
        raise


def _temporary(path: Path) -> tuple[Path, BinaryIO]:
    """An empty file beside `path`, locked: what a killed writer left is used again, and a living one's never."""
    own = path.with_name(f".{path.name}.tmp")
    file = os.fdopen(os.open(own, os.O_RDWR | os.O_CREAT, 0o666), "wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The one that held the lock may have renamed the file since it was opened here.
        if os.path.samestat(own.stat(), os.fstat(file.fileno())):
            file.truncate(0)
            return own, file
    except OSError:
        pass
    file.close()
    other = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    return other, other.open("wb")


def write_json(path: Path, value: Any) -> None:
    """Publish `value` as sorted JSON, so that an equal result has equal bytes."""
    with open_atomic(path) as file:
        file.write(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n")


@contextmanager
def staging(target: Path) -> Iterator[Path]:
    """An empty folder beside `target` to write into; removed when the block fails.

    On success the caller has moved it away with `publish_folder`, or it is removed all the same.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target)
    folder = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.staging")
    folder.mkdir()
    try:
        with _named(target):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(target: Path) -> None:
    """Remove what an earlier, killed attempt at `target` left; it has no reader: the name is ours alone."""
    for left in target.parent.glob(f".{target.name}.*.staging"):
        shutil.rmtree(left)


def flush(folder: Path) -> None:
    """Flush every file and folder below `folder` to the disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            fsync_folder(path)
        elif path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    fsync_folder(folder)


def publish_folder(folder: Path, target: Path) -> None:
    """Flush `folder` and put it in the place of `target`; an old `target` goes last."""
    flush(folder)
    old = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.staging")
    if target.exists():
        target.rename(old)
    folder.rename(target)
    fsync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def fsync_folder(folder: Path) -> None:
    """Flush the folder's entries, so that a rename survives a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
