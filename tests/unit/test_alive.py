"""Notes of running commands, held against real processes."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from omnitune import alive

NOTE = "logs/train.swift.running.json"


def test_a_note_lies_there_while_the_command_runs(tmp_path: Path) -> None:
    path = tmp_path / NOTE
    with alive.noted(tmp_path / "logs/train.swift.log", steps=tmp_path / "steps.jsonl"):
        note = alive.read(path)
        assert alive.alive(note) is True
        assert note["steps"] == str(tmp_path / "steps.jsonl")
    assert not path.exists()


def test_who_is_asked_to_end_as_soon_as_its_note_is_seen_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen(path: Path, value: object) -> None:
        path.parent.mkdir()
        path.write_text(json.dumps(value))
        raise KeyboardInterrupt

    monkeypatch.setattr(alive, "write_json", seen)
    with pytest.raises(KeyboardInterrupt), alive.noted(tmp_path / "logs/train.swift.log"):
        pass
    assert not (tmp_path / NOTE).exists()


def test_the_note_of_a_process_that_lives_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / NOTE
    with alive.noted(tmp_path / "logs/train.swift.log"):
        first = path.read_bytes()
        with alive.noted(tmp_path / "logs/train.swift.log"):
            assert path.read_bytes() == first
        assert path.read_bytes() == first


def test_a_killed_process_leaves_a_note_that_says_so_and_the_next_one_takes_it_over(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "600"])
    note = {"pid": child.pid, "born": psutil.Process(child.pid).create_time(), "host": alive.os.uname().nodename}
    assert alive.alive(note) is True
    child.kill()
    assert child.wait() != 0
    assert alive.alive(note) is False
    path = tmp_path / NOTE
    path.parent.mkdir()
    path.write_text(json.dumps(note))
    with alive.noted(tmp_path / "logs/train.swift.log"):
        assert alive.alive(alive.read(path)) is True


def test_another_process_with_the_same_number_is_not_taken_for_it() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        born = psutil.Process(child.pid).create_time()
        assert alive.alive({"pid": child.pid, "born": born - 100, "host": alive.os.uname().nodename}) is False
    finally:
        child.kill()
        child.wait()


def test_another_machine_cannot_be_asked() -> None:
    assert alive.alive({"pid": 1, "born": 0.0, "host": "somewhere-else"}) is None


def test_rubbish_is_no_process(tmp_path: Path) -> None:
    host = alive.os.uname().nodename
    for note in ({}, {"host": host}, {"host": host, "pid": "1", "born": 0}, {"host": host, "pid": -5, "born": 1}):
        assert alive.alive(note) is False
    for rubbish in (b"", b"[1]", b"{", b"\xff\xfe"):
        (tmp_path / "a").write_bytes(rubbish)
        assert alive.read(tmp_path / "a") == {}
    assert alive.read(tmp_path) == {}
