"""What can be seen is whole: files and folders under errors and under SIGKILL."""

import errno
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omnitune import publish
from omnitune.environments import ROOT


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_at_the_end_of_the_block_only(tmp_path: Path):
    path = tmp_path / "new" / "a.bin"
    with publish.open_atomic(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"half"
    assert names(path.parent) == ["a.bin"]


def test_a_failed_block_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def write() -> None:
        with publish.open_atomic(path) as file:
            file.write(b"new")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_what_a_killed_writer_left_is_gone_after_the_next(tmp_path: Path):
    path = tmp_path / "a.bin"
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom omnitune import publish\n"
        "with publish.open_atomic(Path(sys.argv[1])) as file:\n"
        "    file.write(b'long and old' * 1000)\n    file.flush()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", script, path], cwd=ROOT / "workflow/scripts", check=False)
        assert done.returncode == -9
        assert len(names(tmp_path)) == 1
    with publish.open_atomic(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.bin"]


def test_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path):
    path = tmp_path / "a.bin"
    with publish.open_atomic(path) as slow:
        slow.write(b"slow")
        slow.flush()
        with publish.open_atomic(path) as quick:
            quick.write(b"quick")
        assert path.read_bytes() == b"quick"
    assert path.read_bytes() == b"slow"
    assert names(tmp_path) == ["a.bin"]


def test_a_full_disk_names_the_file_that_was_to_be(tmp_path: Path):
    def write(error: OSError) -> None:
        with publish.open_atomic(tmp_path / "a.bin"):
            raise error

    with pytest.raises(OSError, match="No space left") as full:
        write(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert full.value.filename == str(tmp_path / "a.bin")
    with pytest.raises(OSError, match="Input/output") as other:
        write(OSError(errno.EIO, os.strerror(errno.EIO)))
    assert other.value.filename is None
    assert names(tmp_path) == []


def test_equal_values_have_equal_bytes(tmp_path: Path):
    publish.write_json(tmp_path / "a.json", {"b": 1, "a": "ü"})
    publish.write_json(tmp_path / "b.json", {"a": "ü", "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "a": "ü",\n  "b": 1\n}\n'


def test_a_staging_folder_is_gone_after_the_block(tmp_path: Path):
    def write() -> None:
        with publish.staging(tmp_path / "model") as folder:
            assert folder.parent == tmp_path
            (folder / "a").write_text("a")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write()
    assert names(tmp_path) == []


def test_staging_removes_what_a_killed_attempt_left_and_no_other_folder(tmp_path: Path):
    for name in (".model.12345678.staging", ".model2.12345678.staging", "model"):
        (tmp_path / name / "inner").mkdir(parents=True)
    with publish.staging(tmp_path / "model") as folder:
        assert names(tmp_path) == sorted([folder.name, ".model2.12345678.staging", "model"])


def test_a_published_folder_replaces_the_old_one_whole(tmp_path: Path):
    target = tmp_path / "model"
    (target / "old").mkdir(parents=True)
    with publish.staging(target) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "new").write_text("new")
        number = folder.stat().st_ino
        publish.publish_folder(folder, target)
    assert target.stat().st_ino == number, "moved, not copied"
    assert names(target) == ["sub"]
    assert names(tmp_path) == ["model"]


def test_every_file_is_flushed_before_the_folder_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A rename that reaches the disk before the bytes would show zeros after a power loss."""
    flushed: list[Path] = []

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        flushed.append(path)
        assert path == tmp_path or not (tmp_path / "model").exists()

    monkeypatch.setattr(publish.os, "fsync", fsync)
    with publish.staging(tmp_path / "model") as folder:
        (folder / "a").write_text("a")
        (folder / "sub").mkdir()
        (folder / "sub" / "b").write_text("b")
        publish.publish_folder(folder, tmp_path / "model")
        assert flushed == [folder / "a", folder / "sub", folder / "sub" / "b", folder, tmp_path]


WRITER = """
import hashlib, sys
from pathlib import Path
from omnitune import publish
target, number = Path(sys.argv[1]), int(sys.argv[2])
while True:
    number += 1
    with publish.staging(target) as folder:
        sums = {}
        for name in "abcd":
            data = f"{number}{name}".encode() * 200_000
            (folder / name).write_bytes(data)
            sums[name] = hashlib.sha256(data).hexdigest()
        publish.write_json(folder / publish.MANIFEST, sums)
        print("publishing", flush=True)
        publish.publish_folder(folder, target)
"""


def test_no_kill_leaves_a_partial_folder_in_sight(tmp_path: Path):
    """30 writers killed with SIGKILL after a random time, each in the folder that the last one left."""
    dice, seen, target = random.Random(7), 0, tmp_path / "model"
    for number in range(30):
        argv = [sys.executable, "-c", WRITER, target, str(number * 100_000)]
        with subprocess.Popen(argv, cwd=ROOT / "workflow/scripts", stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for _ in range(dice.randint(1, 3)):
                writer.stdout.readline()
            time.sleep(dice.uniform(0, 0.03))
            writer.kill()
        if target.exists():
            seen += 1
            sums = json.loads((target / publish.MANIFEST).read_bytes())
            assert names(target) == sorted([*sums, publish.MANIFEST])
            assert {name: publish.sha256(target / name) for name in sums} == sums
    assert seen > 10, "the writers were killed before they published anything"
    with publish.staging(target):
        pass
    assert [name for name in names(tmp_path) if name != "model"] == []
