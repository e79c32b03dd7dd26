"""A published folder, its manifest, and when a finished one is taken for the same."""

import json
import os
import shutil
from pathlib import Path

import pytest

from omnitune import artifact
from omnitune.publish import sha256, staging
from omnitune.runkey import RunKey

KEY = RunKey({"a": 1})


def publish(target: Path, text: str = "weights", key: RunKey = KEY) -> dict:
    with staging(target) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "w.bin").write_text(text)
        (folder / "b.json").write_text("{}")
        return artifact.publish(folder, target, key, {"stage": "sft"})


@pytest.fixture
def target(tmp_path: Path) -> Path:
    publish(tmp_path / "model")
    return tmp_path / "model"


def test_the_manifest_lists_every_file_and_nothing_of_the_machine(target: Path):
    manifest = json.loads((target / "manifest.json").read_bytes())
    assert manifest == {
        "stage": "sft",
        "run_key": KEY.hash,
        "files": {
            "b.json": {"bytes": 2, "sha256": sha256(target / "b.json")},
            "sub/w.bin": {"bytes": 7, "sha256": sha256(target / "sub" / "w.bin")},
        },
    }


def test_equal_results_have_equal_manifests(target: Path, tmp_path: Path):
    publish(tmp_path / "elsewhere" / "model")
    assert (tmp_path / "elsewhere/model/manifest.json").read_bytes() == (target / "manifest.json").read_bytes()


def test_a_lost_manifest_is_written_again_byte_for_byte(target: Path):
    before = (target / "manifest.json").read_bytes()
    (target / "manifest.json").unlink()
    assert artifact.republish(target, KEY)
    assert (target / "manifest.json").read_bytes() == before


def test_a_copy_with_other_times_is_hashed_and_taken(target: Path, tmp_path: Path):
    shutil.copytree(target, tmp_path / "copy", copy_function=shutil.copyfile)
    os.utime(tmp_path / "copy" / "b.json", (1, 1))
    assert artifact.republish(tmp_path / "copy", KEY)


def test_another_key_is_another_result(target: Path):
    (target / "manifest.json").unlink()
    assert not artifact.republish(target, RunKey({"a": 2}))
    assert not (target / "manifest.json").exists()


@pytest.mark.parametrize("damage", ["flipped", "cut", "lost", "no record", "torn record", "odd record"])
def test_a_damaged_result_is_none(target: Path, damage: str):
    file, record = target / "sub" / "w.bin", target / artifact.RECORD
    match damage:
        case "flipped":
            file.write_text("Weights")
        case "cut":
            stamp = file.stat().st_mtime_ns
            file.write_text("weight")
            os.utime(file, ns=(stamp, stamp))
        case "lost":
            file.unlink()
        case "no record":
            record.unlink()
        case "torn record":
            record.write_bytes(record.read_bytes()[:-20])
        case "odd record":
            record.write_text("[]")
    assert not artifact.republish(target, KEY)


def test_nothing_there_is_nothing(tmp_path: Path):
    assert not artifact.republish(tmp_path / "model", KEY)


def test_the_files_are_on_the_disk_before_the_record_vouches_for_them(tmp_path: Path, monkeypatch):
    """After a power loss the record beside its place is taken at its word."""
    flushed: set[str] = set()
    fsync, rename = os.fsync, Path.rename

    def noted(descriptor: int) -> None:
        flushed.add(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def seen(source: Path, target: Path) -> Path:
        assert target.name != artifact.RECORD or {"w.bin", "b.json", "sub"} <= flushed
        return rename(source, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Path, "rename", seen)
    publish(tmp_path / "model")
