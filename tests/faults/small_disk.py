"""A disk of a few megabytes, which a test may fill or make read-only."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PAGE = 4096


class SmallDisk:
    """A tmpfs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / ".filler"

    def fill(self, but_for: int) -> None:
        """Leave so many bytes free, or less when others write meanwhile."""
        with self._filler.open("wb") as file:
            while (more := self._available() - but_for) > 0:
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), self._filler.stat().st_size, more)

    def _available(self) -> int:
        space = os.statvfs(self.folder)
        return space.f_bavail * space.f_frsize

    def free(self) -> None:
        """Give the space back."""
        self._filler.unlink()

    def make_writable(self, yes: bool) -> None:
        """Mount it again for writing, or for reading alone."""
        _mount("-o", f"remount,{'rw' if yes else 'ro'}", self.folder)


@contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """A small disk at a folder, while the block runs."""
    folder.mkdir(parents=True)
    if _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "omnitune_test", folder):
        pytest.skip("only root can mount a small disk here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """One at `disk`."""
    with mounted(tmp_path / "disk", 24) as disk:
        yield disk


def _mount(*words: str | Path) -> int:
    try:
        return subprocess.run(["mount", *words], capture_output=True, check=False).returncode
    except OSError:
        return errno.ENOENT
