"""check_merge.py: how it is watched, refused and recorded; what is alike is tested in test_parity.py."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from data_commands import command

from omnitune import work_lease
from omnitune.environments import ROOT
from omnitune.records import Message, Record, encode

ANSWER = f'shift; exec "{sys.executable}" "{ROOT}/tests/fakes/answer_twice.py" "$@"'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Manifests of three models and a file of rows."""
    for name in ("merge", "base", "sft"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(json.dumps({"run_key": name}))
    rows = [Record(f"s/{n}", "s", 1, "t", [Message("user", "?"), Message("assistant", "!")]) for n in range(3)]
    (tmp_path / "val.jsonl").write_bytes(b"".join(map(encode, rows)))
    return tmp_path


def check(place: Path, *more: str, worker: str = ANSWER) -> "subprocess.CompletedProcess[str]":
    """Run it with a worker, a line of shell."""
    python = place / "env/bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f"#!/bin/sh\n{worker}\n")
    python.chmod(0o755)
    argv = ["--merged", "merge", "--base", "base", "--trained", "sft", "--rows", "val.jsonl", "--count", "2",
            "--media", "{}", "--device", "cpu", "--output", "parity.json", "--log", "logs/check_merge.swift.log",
            "--python", str(python)]  # fmt: skip
    return command("check_merge", *argv, *more, cwd=place)


def told(place: Path) -> Any:
    return json.loads((place / "logs/check_merge.swift.verdict.json").read_bytes())


def test_a_worker_that_hangs_is_ended(place: Path):
    done = check(place, "--first-step-minutes", "0.02", worker="exec sleep 600")
    assert done.returncode == told(place)["code"] == 79
    assert re.fullmatch(
        r"error: logs/check_merge\.swift\.log: ms-swift hung: there was no sign of progress for \d+ s\. It could "
        r"not write its stacks\. Run it again\. Where it is only slow, raise resources\..*\n",
        done.stderr,
    ), done.stderr


def test_a_model_that_answers_otherwise_is_asked_once(place: Path):
    first = check(place, worker=f"export OMNITUNE_FAKE=unlike; {ANSWER}")
    assert first.returncode == told(place)["code"] == 70
    again = check(place, "--attempt", "2")
    assert (again.returncode, again.stderr) == (70, first.stderr)
    assert "Not tried again" in again.stdout
    (place / "merge/manifest.json").write_text('{"run_key": "another"}')
    done = check(place, "--attempt", "3")
    assert done.returncode == 0, done.stderr
    assert json.loads((place / "parity.json").read_bytes())["model"] == "another"
    assert not (place / "logs/check_merge.swift.verdict.json").exists()


def test_a_second_launcher_leaves_the_first_ones_work_alone(place: Path):
    with work_lease.held(place / "parity.json"):
        (place / ".parity").mkdir()
        done = check(place)
    assert done.returncode == 75
    assert f"error: parity.json: another process writes here (pid {os.getpid()} on " in done.stderr
    assert (place / ".parity").exists()


def test_its_progress_reaches_the_terminal(place: Path):
    done = check(place, "--echo", "2", worker=f'touch "$2/apart.npz"; sleep 8; {ANSWER}')
    assert done.returncode == 0, done.stderr
    assert done.stderr == "check_merge: the final model is asked\n"
