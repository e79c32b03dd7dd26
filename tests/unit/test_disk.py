"""Whether a disk takes more, and what is said where it would not."""

import errno
import os
from pathlib import Path

import pytest

from omnitune import disk
from omnitune.errors import OF_DISK, PipelineError


def test_a_disk_with_room_refuses_nothing_and_keeps_nothing(tmp_path: Path):
    assert disk.refusal(tmp_path / "not" / "there") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [*OF_DISK, errno.EIO])
def test_a_refusal_is_one_for_want_of_room(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A quota, for instance, of which the free space of the file system tells nothing."""

    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    refusal = disk.refusal(tmp_path)
    assert (refusal and refusal.errno) == (number if number in OF_DISK else None)


def test_what_will_not_fit_is_refused_with_both_sizes_and_what_could_go(tmp_path: Path):
    old = tmp_path / "old"
    old.mkdir()
    (old / "weights").write_bytes(bytes(2_500_000))
    with pytest.raises(PipelineError) as refused:
        disk.require(tmp_path / "new", 1e18, "the checkpoints", [old])
    assert refused.value.code == 74
    assert refused.value.what.startswith("the checkpoints need 1000000000 GB and ")
    assert refused.value.fix == f"Free space there, then run again. What could go: {old} (2 MB)."
    disk.require(tmp_path / "new", 1, "the checkpoints")


def test_size_is_that_of_all_files_below(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "one").write_bytes(bytes(10))
    (tmp_path / "two").write_bytes(bytes(5))
    assert disk.size(tmp_path) == 15
    assert disk.size(tmp_path / "none") == 0


def test_what_goes_away_meanwhile_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A trainer removes its old checkpoints while the watchdog looks."""
    for name in ("a", "b", "c"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "weights").write_bytes(bytes(10))
    scan, seen = os.scandir, []

    def scandir(path: str | Path) -> object:
        found = scan(path)
        if Path(path).name in ("a", "b", "c") and not seen:
            seen.append(path)
            for name in {"a", "b", "c"} - {Path(path).name}:
                (tmp_path / name).rename(tmp_path.parent / f"gone-{name}")
        return found

    monkeypatch.setattr(os, "scandir", scandir)
    assert disk.size(tmp_path) == 10
    assert seen


@pytest.mark.parametrize(("amount", "said"), [(12e6, "12 MB"), (1.5e9, "1.5 GB"), (61.2e9, "61 GB")])
def test_sizes_are_said_as_people_do(amount: float, said: str):
    assert disk.text(amount) == said
