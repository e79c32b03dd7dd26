"""A disk of a few megabytes, which a test may fill or make read-only."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = 4096


class SmallDisk:
    """A tmpfs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / ".filler"

    def fill(self, but_for: int) -> None:
        """Leave so many bytes free."""
        space = os.statvfs(self.folder)
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, space.f_bavail * space.f_frsize - but_for))

    def free(self) -> None:
        """Give the space back."""
        self._filler.unlink()

    def make_writable(self, yes: bool) -> None:
        """Mount it again for writing, or for reading alone."""
        _mount("-o", f"remount,{'rw' if yes else 'ro'}", self.folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """24 MB at `disk`."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if _mount("-t", "tmpfs", "-o", "size=24m", "omnitune_test", folder):
        pytest.skip("only root can mount a small disk here")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(*words: str | Path) -> int:
    try:
        return subprocess.run(["mount", *words], capture_output=True, check=False).returncode
    except OSError:
        return errno.ENOENT
