"""clean.py: what it shows, asks and refuses, and that it removes this and nothing else."""

import fcntl
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from data_commands import SCRIPTS, command

MIB = 1024 * 1024


def write(path: Path, size: int = MIB) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs that share a base model; one has checkpoints of a finished training, and put-aside ones."""
    write(tmp_path / "models/base/model.safetensors")
    for run in ("r", "other"):
        results = tmp_path / "results" / run
        (results / "model").mkdir(parents=True)
        (results / "model/weights").symlink_to(tmp_path / "models/base")
        weights = write(results / "main/sft/checkpoints/checkpoint-10/adapter.safetensors")
        write(results / "main/sft/checkpoints/checkpoint-10/optimizer.pt", 2 * MIB)
        write(results / "main/sft/model/manifest.json", 10)
        os.link(weights, results / "main/sft/model/adapter.safetensors")
        write(results / "main/sft/checkpoints-0123abcd/checkpoint-5/optimizer.pt", 3 * MIB)
        write(results / "base/raw/cache/hf/data", 4096)
        write(tmp_path / f"logs/{run}/main/train_sft.log", 10)
        write(tmp_path / f"benchmarks/{run}/main/train_sft.tsv", 10)
    write(tmp_path / "benchmarks/kept.py", 10)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def of_run(names: set[str], run: str) -> set[str]:
    return {name for name in names if name.split("/")[1:2] == [run]}


def test_without_a_terminal_it_only_shows(folder: Path) -> None:
    before = files(folder)
    done = command("clean", "--run", "r", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Would be removed:\n"
        "  results/r     6 MiB  run\n"
        "  logs/r        4 KiB  logs\n"
        "  benchmarks/r  4 KiB  benchmarks\n"
        "  in all        6 MiB\n"
        "The next run would make all of it again, training included. "
        "ONLY=checkpoints keeps the results and frees 5 MiB.\n"
        "Without a terminal, YES=1 says yes.\n"
        "Nothing was removed.\n"
    )
    assert files(folder) == before


def test_a_run_goes_and_what_is_linked_stays(folder: Path) -> None:
    before = files(folder)
    base = (folder / "models/base/model.safetensors").read_bytes()
    done = command("clean", "--run", "r", "--yes", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(folder) == before - of_run(before, "r")
    assert (folder / "models/base/model.safetensors").read_bytes() == base


def test_checkpoints_alone(folder: Path) -> None:
    before = files(folder)
    done = command("clean", "--run", "r", "--only", "checkpoints", "--yes", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Would be removed:\n"
        "  results/r/main/sft/checkpoints           2 MiB  checkpoints\n"
        "  results/r/main/sft/checkpoints-0123abcd  3 MiB  put-aside checkpoints\n"
        "  results/r/base/raw/cache                 4 KiB  cache of ms-swift\n"
        "  in all                                   5 MiB\n"
        "Results stay, and nothing that is finished runs again. "
        "A setting that is changed, or changed back, is trained from step 0.\n"
        "Removed.\n"
    )
    gone = {name for name in of_run(before, "r") if "checkpoints" in name or "/cache" in name}
    assert files(folder) == before - gone
    assert (folder / "results/r/main/sft/model/adapter.safetensors").stat().st_size == MIB


def test_an_unfinished_training_is_told(folder: Path) -> None:
    (folder / "results/r/main/sft/model/manifest.json").unlink()
    done = command("clean", "--run", "r", "--only", "checkpoints", cwd=folder)
    assert "Training of main/sft is not finished and would begin at step 0 again.\n" in done.stdout


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ("", "RUN is missing"),
        ("..", "RUN: '..' is no name of a run"),
        (".", "is no name of a run"),
        ("r/main", "is no name of a run"),
        ("/", "is no name of a run"),
        ("R", "is no name of a run"),
        ("r\n", "is no name of a run"),
        ("*", "is no name of a run"),
    ],
)
def test_unsafe_names_are_refused(folder: Path, run: str, told: str) -> None:
    before = files(folder)
    done = command("clean", f"--run={run}", "--yes", cwd=folder)
    assert done.returncode == 2
    assert told in done.stderr
    assert files(folder) == before


def test_a_run_that_is_a_link_is_refused(folder: Path) -> None:
    (folder / "results/link").symlink_to(folder / "results/r")
    done = command("clean", "--run", "link", "--yes", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "results/link: this is a link; nothing is removed through it." in done.stderr
    assert (folder / "results/r/main/sft/model/manifest.json").exists()


def test_links_in_the_place_of_checkpoints_are_left(folder: Path) -> None:
    elsewhere = write(folder / "scratch/checkpoint-1/optimizer.pt").parents[1]
    (folder / "results/r/main/grpo").mkdir()
    (folder / "results/r/main/grpo/checkpoints").symlink_to(elsewhere)
    assert command("clean", "--run", "r", "--only", "checkpoints", "--yes", cwd=folder).returncode == 0
    assert (folder / "results/r/main/grpo/checkpoints").is_symlink()
    assert (elsewhere / "checkpoint-1/optimizer.pt").exists()


def test_there_is_nothing(folder: Path) -> None:
    done = command("clean", "--run", "none", "--yes", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "Nothing to remove: run none has no folder here.\n")


def refused(folder: Path, told: str, run: str = "r") -> None:
    before = files(folder)
    for more in ([], ["--only", "checkpoints"]):
        done = command("clean", "--run", run, "--yes", *more, cwd=folder)
        assert (done.returncode, done.stdout) == (75, ""), done.stderr
        assert told in done.stderr
    assert files(folder) == before


def test_a_run_at_work_is_refused(folder: Path) -> None:
    child = subprocess.Popen(["sleep", "600"])
    note = {"pid": child.pid, "born": psutil.Process(child.pid).create_time(), "host": os.uname().nodename}
    path = folder / "logs/r/main/train_sft.swift.running.json"
    path.write_text(json.dumps(note))
    try:
        refused(folder, f"process {child.pid} on ")
        assert command("clean", "--run", "other", "--yes", cwd=folder).returncode == 0
    finally:
        child.kill()
        child.wait()
    path.write_text(json.dumps(note | {"host": "node7"}))
    refused(folder, f"if it is gone, remove logs/r/main/{path.name}.")
    path.write_text(json.dumps(note))  # killed: no reason to refuse
    assert command("clean", "--run", "r", "--yes", cwd=folder).returncode == 0


def test_a_held_lock_is_refused(folder: Path) -> None:
    with (folder / "results/r/main/sft/.checkpoints.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(folder, "a process writes there. Wait for it or end it.")
    assert command("clean", "--run", "r", "--yes", cwd=folder).returncode == 0


def test_a_run_that_snakemake_works_on_is_refused(folder: Path) -> None:
    lock = folder / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("results/r/report.html\nresults/r/split/train.jsonl\n")
    refused(folder, "snakemake works on this run. Wait for it; after a crash of snakemake: make unlock")
    assert command("clean", "--run", "other", "--yes", cwd=folder).returncode == 0


def test_the_rest_of_an_interrupted_cleaning_is_removed(folder: Path) -> None:
    write(folder / "results/.r.removed-01234567/main/model")
    write(folder / "results/.other.removed-01234567/main/model")
    write(folder / "results/r/main/sft/.checkpoints.removed-01234567/a")
    assert command("clean", "--run", "r", "--only", "checkpoints", "--yes", cwd=folder).returncode == 0
    assert not (folder / "results/r/main/sft/.checkpoints.removed-01234567").exists()
    assert command("clean", "--run", "r", "--yes", cwd=folder).returncode == 0
    assert sorted(path.name for path in (folder / "results").iterdir()) == [".other.removed-01234567", "other"]


@pytest.mark.parametrize(("answer", "removed"), [("y", True), ("", False), ("n", False), ("yes please", False)])
def test_at_a_terminal_it_asks(folder: Path, answer: str, removed: bool) -> None:
    ours, theirs = pty.openpty()
    line = [sys.executable, SCRIPTS / "clean.py", "--run", "r"]
    child = subprocess.Popen(line, cwd=folder, stdin=theirs, stdout=subprocess.PIPE, text=True)
    os.write(ours, f"{answer}\n".encode())
    output, _ = child.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert child.returncode == 0
    assert output.endswith("Removed.\n" if removed else "Nothing was removed.\n")
    assert (folder / "results/r").exists() is not removed
