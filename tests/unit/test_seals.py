"""What a seal notices: every bit of every file, and itself."""

import os
import random
import threading
from pathlib import Path

import pytest
from full import full
from weight_files import write_checkpoint

from omnitune import publish, seals
from omnitune.seals import BrokenSeal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sealed checkpoint, with a part of DeepSpeed's."""
    folder = write_checkpoint(tmp_path, 10)
    (folder / "global_step10").mkdir()
    (folder / "global_step10/bf16_zero_pp_rank_0.pt").write_bytes(bytes(100))
    (folder / "empty").touch()
    seals.write(folder, step=10, max_steps=20, world_size=1, fingerprint="ab")
    return folder


def broken(folder: Path) -> str:
    with pytest.raises(BrokenSeal) as found:
        seals.verify(folder)
    return str(found.value)


def test_a_sealed_folder_is_what_it_was(folder: Path):
    seal = seals.verify(folder)
    assert (seal.step, seal.max_steps, seal.world_size, seal.fingerprint) == (10, 20, 1, "ab")
    assert seal == seals.read(folder)
    assert "global_step10/bf16_zero_pp_rank_0.pt" in seal.files
    assert "SEAL.json" not in seal.files


def test_every_file_is_missed(folder: Path):
    for name in list(seals.read(folder).files):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        assert broken(folder) == f"{name} is missing"
        (folder / name).write_bytes(content)
    (folder / "SEAL.json").unlink()
    assert broken(folder) == "it was not sealed"


def test_a_flipped_bit_is_seen_wherever_it_is(folder: Path):
    chosen = random.Random(5)
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]
    places = [(path, byte) for path in files for byte in range(path.stat().st_size)]
    for path, byte in chosen.sample(places, full(60, 1000)):
        content = path.read_bytes()
        changed = bytearray(content)
        changed[byte] ^= 1 << chosen.randrange(8)
        path.write_bytes(changed)
        broken(folder)
        path.write_bytes(content)
    seals.verify(folder)


def test_a_large_file_beats_while_it_is_sealed(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """A rank's share of the optimizer may have 50 GB: between two files is too seldom."""
    (folder / "SEAL.json").unlink()
    monkeypatch.setattr(seals, "_BLOCK", 10)
    beats: list[int] = []
    seals.write(folder, step=10, max_steps=20, world_size=1, fingerprint="ab", beat=lambda: beats.append(1))
    size = sum(file["bytes"] for file in seals.read(folder).files.values())
    assert len(beats) >= size / 10


def test_files_are_read_beside_each_other(folder: Path, monkeypatch: pytest.MonkeyPatch):
    begun: list[Path] = []
    several, sum_ = threading.Event(), seals._hash

    def hashed(path: Path) -> str:
        begun.append(path)
        if len(begun) > 1:
            several.set()
        assert several.wait(timeout=20), "nothing else is read meanwhile"
        return sum_(path)

    monkeypatch.setattr(seals, "_hash", hashed)
    seals.verify(folder)


def test_a_long_look_says_what_it_looks_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    seals.verify(folder)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(seals, "_LARGE", 100)
    monkeypatch.setattr(seals.disk, "text", lambda amount: "420 GB")
    seals.verify(folder)
    assert capsys.readouterr().out == "Verifying checkpoint-10 (420 GB).\n"


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.999])
def test_a_file_that_was_cut_or_grew_is_told_by_its_size(folder: Path, kept: float):
    path = folder / "optimizer.pt"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: int(size * kept)])
    assert broken(folder) == f"optimizer.pt has {int(size * kept)} bytes of {size}"
    path.write_bytes(bytes(size + 1))
    assert broken(folder) == f"optimizer.pt has {size + 1} bytes of {size}"


def test_swapped_files_of_one_size_are_seen(folder: Path):
    one, other = folder / "scheduler.pt", folder / "rng_state.pth"
    one.write_bytes(b"a" * 50)
    other.write_bytes(b"b" * 50)
    seals.write(folder, step=10, max_steps=20, world_size=1, fingerprint="ab")
    one.write_bytes(b"b" * 50)
    other.write_bytes(b"a" * 50)
    assert broken(folder).endswith("is not as it was sealed")


def test_a_file_that_was_added_is_seen_and_a_hidden_one_is_nobodys(folder: Path):
    (folder / ".nfs0001").touch()
    seals.verify(folder)
    (folder / "model.safetensors").touch()
    assert broken(folder) == "model.safetensors was added to it"


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"null", b'{"digest": 1}', b"\xff"])
def test_a_seal_that_is_none_is_refused(folder: Path, content: bytes):
    (folder / "SEAL.json").write_bytes(content)
    assert broken(folder).startswith("SEAL.json is damaged")


def test_every_file_is_on_the_disk_before_the_seal_can_be_seen(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "SEAL.json").unlink()
    flushed: set[str] = set()
    fsync, rename = os.fsync, Path.rename

    def noted(descriptor: int) -> None:
        flushed.add(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def seen(source: Path, target: Path) -> Path:
        files = {path for path in folder.rglob("*") if path != source and not path.name.startswith(".SEAL")}
        assert {str(path) for path in [*files, folder, source]} <= flushed
        return rename(source, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(publish.Path, "rename", seen)
    seals.write(folder, step=10, max_steps=20, world_size=1, fingerprint="ab")
    monkeypatch.undo()
    assert str(folder.parent) in flushed
    seals.verify(folder)
