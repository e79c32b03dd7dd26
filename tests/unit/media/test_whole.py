"""Files read from end to end."""

import os
import random
from pathlib import Path

import pytest
import xxhash
from media_files import wav

from omnitune.media.endings import Ending
from omnitune.media.facts import Limits, Opened, Probe
from omnitune.media.probe import PROBES
from omnitune.media.whole import read_whole
from omnitune.validation.codes import RowError

PROBE = Probe("audio", "any")


@pytest.fixture(autouse=True)
def _any_header(monkeypatch: pytest.MonkeyPatch):
    """Headers are looked at elsewhere: here every one is good."""
    monkeypatch.setitem(PROBES, "audio", (lambda *_: PROBE, 512))


def read(path: Path) -> tuple[str, Ending]:
    state = path.stat()
    probe, digest, end = read_whole("audio", str(path), state.st_size, state.st_mtime_ns, Limits())
    assert probe is PROBE
    return digest, end


@pytest.mark.parametrize("size", [1, 1 << 20, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (9 << 20) + 7])
def test_the_digest_is_that_of_all_bytes(tmp_path: Path, size):
    path = tmp_path / "f"
    path.write_bytes(b"n" + random.Random(size).randbytes(size - 1))  # no beginning of any format
    assert read(path) == (xxhash.xxh3_128_hexdigest(path.read_bytes()), Ending())


def test_the_end_of_a_large_file_is_looked_at_too(tmp_path: Path):
    path = wav(tmp_path / "a.wav", 200)
    assert path.stat().st_size > 6 << 20
    assert read(path)[1] == Ending()
    os.truncate(path, 5 << 20)
    assert "after the file does" in read(path)[1].fault


def test_a_box_that_ends_where_no_file_reaches_is_cut_off(tmp_path: Path):
    path = tmp_path / "a.mp4"
    start = b"\0\0\0\x10ftypisom\0\0\0\0"
    path.write_bytes(start + b"\0\0\0\1mdat" + b"\xff" * 8 + bytes(5 << 20))
    assert "its mdat box ends" in read(path)[1].fault


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
        read_whole("audio", str(path), size, path.stat().st_mtime_ns - later, Limits())
    assert caught.value.finding.code == "E078"


def test_a_library_that_moves_the_reading_position_changes_no_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def moves(file: Opened, limits: Limits) -> Probe:
        os.lseek(file.fd, 77, os.SEEK_SET)
        return PROBE

    monkeypatch.setitem(PROBES, "audio", (moves, 512))
    path = tmp_path / "f"
    path.write_bytes(b"n" + random.Random(9).randbytes(9 << 20))
    assert read(path)[0] == xxhash.xxh3_128_hexdigest(path.read_bytes())
