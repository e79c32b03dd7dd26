"""Files read from end to end."""

import os
from pathlib import Path

import pytest
import xxhash
from media_files import wav

from omnitune.media.endings import Ending
from omnitune.media.whole import read_whole
from omnitune.validation.codes import RowError


def read(path: Path) -> tuple[str, Ending]:
    state = path.stat()
    return read_whole(str(path), state.st_size, state.st_mtime_ns)


@pytest.mark.parametrize("size", [1, 1 << 20, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (9 << 20) + 7])
def test_the_digest_is_that_of_all_bytes(tmp_path: Path, size):
    path = tmp_path / "f"
    path.write_bytes(os.urandom(size))
    assert read(path) == (xxhash.xxh3_128_hexdigest(path.read_bytes()), Ending())


def test_the_end_of_a_large_file_is_looked_at_too(tmp_path: Path):
    path = wav(tmp_path / "a.wav", 200)
    assert path.stat().st_size > 6 << 20
    assert read(path)[1] == Ending()
    os.truncate(path, 5 << 20)
    assert "after the file does" in read(path)[1].fault


def test_a_file_before_it_in_the_buffer_is_not_seen(tmp_path: Path):
    large, small = tmp_path / "large", tmp_path / "small.jpg"
    large.write_bytes(b"\xff\xd9" * 5000)
    small.write_bytes(b"\xff\xd8\xff\xda" + b"\0" * 20)
    read(large)
    assert read(small)[1].fault == "it has no end-of-image marker"


@pytest.mark.parametrize(("size", "later"), [(99, 0), (101, 0), (100, 1)])
def test_a_file_that_changed_is_not_what_was_seen(tmp_path: Path, size, later):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 100)
    with pytest.raises(RowError, match="changed while it was read") as caught:
        read_whole(str(path), size, path.stat().st_mtime_ns - later)
    assert caught.value.finding.code == "E078"
