"""A killed snakemake, with a real one and the fake trainer: no orphan, unlock, and the next start goes on."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from children import wait_for
from project import Project
from tally import Count
from test_make import clone, make  # noqa: F401 - a fixture
from test_run import MODEL, trainer_of

from omnitune import checkpoints

Values = dict[str, Any]
ORPHAN_SECONDS = 5


def of_project(project: Project) -> list[psutil.Process]:
    """All that runs in the project's folder."""
    found = []
    for process in psutil.process_iter(["cwd", "status"]):
        here = process.info["cwd"] and Path(process.info["cwd"]).is_relative_to(project.folder)
        if here and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Start snakemake in a project."""
    started = []

    def start(project: Project, *arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
        snakemake = subprocess.Popen(
            project.argv(*arguments), cwd=project.folder, env={**os.environ, **environment},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        started.append(snakemake)
        return snakemake

    yield start
    for snakemake in started:
        snakemake.kill()
        snakemake.wait()


def test_the_story_of_a_killed_snakemake(
    clone: Project,  # noqa: F811
    values: Values,
    finished: Project,
    swift_python: Path,
    start: Callable[..., "subprocess.Popen[bytes]"],
    count: Count,
) -> None:
    clone.write_config(values)
    (clone.folder / "data").mkdir(exist_ok=True)
    (clone.folder / "data/sums.jsonl").write_bytes(finished.path("data/sums.jsonl").read_bytes())
    snakemake = start(clone, MODEL, OMNITUNE_FAKE="held@7")
    trainer_of(clone)
    work = clone.path("results/small/main/sft/checkpoints")
    steps = work / "logging.jsonl"
    wait_for(lambda: steps.is_file() and steps.read_bytes().count(b"\n") >= 6)

    done = make(clone, swift_python, "unlock")
    assert "Error 75" in done.stderr
    assert f"snakemake (pid {snakemake.pid}) is at work here." in done.stderr
    snakemake.kill()
    snakemake.wait()
    wait_for((work / "stop").exists)
    (work / "go").touch()  # its step is over in time
    wait_for(lambda: not of_project(clone), ORPHAN_SECONDS)

    done = clone.snakemake(MODEL)
    assert done.returncode != 0
    assert "Directory cannot be locked" in done.stdout
    done = make(clone, swift_python, "unlock")
    assert done.returncode == 0, done.stderr
    done = clone.snakemake(MODEL)
    assert done.returncode == 0, done.stdout
    assert "Resuming from step 7 of 18." in clone.path("logs/small/main/train_sft.log").read_text()
    assert clone.path(MODEL).read_bytes() == finished.path(MODEL).read_bytes()
    count("kills of snakemake without an orphan")


def test_a_job_that_waits_for_gpus_ends_too(
    empty: Project,
    values: Values,
    tmp_path: Path,
    start: Callable[..., "subprocess.Popen[bytes]"],
    count: Count,
) -> None:
    experiments = {name: {"sft": {"seed": number}} for number, name in enumerate("ab")}
    sft = {**values["sft"], "gpus": 1}
    empty.write_config({**values, "device": "cuda", "sft": sft, "experiments": experiments})
    snakemake = start(
        empty, "sft", "--cores", "64", OMNITUNE_FAKE="slow@600", CUDA_VISIBLE_DEVICES="0",
        OMNITUNE_GPU_LOCKS=str(tmp_path),
    )  # fmt: skip
    trainer_of(empty)
    waiting = [empty.path(f"logs/small/{name}/train_sft.log") for name in "ab"]
    # The other one's arguments are rendered first, by ms-swift.
    wait_for(lambda: any(log.is_file() and "Waiting for 1 GPU" in log.read_text() for log in waiting), 300)
    snakemake.kill()
    snakemake.wait()
    wait_for(lambda: not of_project(empty), ORPHAN_SECONDS)
    count("kills of snakemake without an orphan")


def test_a_training_that_was_killed_recovers_without_a_person(
    empty: Project, finished: Project, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    snakemake = start(empty, MODEL, OMNITUNE_FAKE="slow@0.3")
    trainer = trainer_of(empty)
    wait_for(empty.path("results/small/main/sft/checkpoints/checkpoint-5/SEAL.json").exists)
    trainer.kill()
    assert snakemake.wait(timeout=300) == 0
    assert re.search(r"Resuming from step \d+ of 18\.", empty.path("logs/small/main/train_sft.log").read_text())
    assert empty.path(MODEL).read_bytes() == finished.path(MODEL).read_bytes()
    assert empty.path("logs/small/main/train_sft.swift.log.1").exists()
    assert not empty.path("logs/small/main/train_sft.swift.verdict.json").exists()


def test_a_hopeless_job_is_tried_once_whatever_the_retries(empty: Project) -> None:
    done = empty.snakemake(MODEL, OMNITUNE_FAKE="oom")
    assert done.returncode == 1
    assert done.stdout.count("Not tried again: the attempt before failed for good") == 2
    assert done.stdout.count("Lower sft.micro_batch") == 3, "each attempt is told with the same sentence"
    assert empty.json("logs/small/main/train_sft.swift.verdict.json")["code"] == 76
    done = empty.snakemake(MODEL)  # a person's start
    assert done.returncode == 0, done.stdout


FAILURE = "error: logs/small/main/train_sft.swift.log: ms-swift ended with 1: RuntimeError: asked to fail."


def test_what_may_end_otherwise_is_tried_again(empty: Project, values: Values) -> None:
    done = empty.snakemake(MODEL, OMNITUNE_FAKE="fail")
    assert done.returncode == 1
    assert "Not tried again" not in done.stdout
    assert done.stdout.count(FAILURE) == 3
    # Inside of a job on a cluster it is not: that one's submitter counts.
    done = empty.snakemake(MODEL, "--mode", "remote", "--nolock", OMNITUNE_FAKE="fail")
    assert len(re.findall(r"^(?:local)?rule train_sft:", done.stdout, re.M)) == 1, done.stdout
    assert FAILURE in empty.path("logs/small/main/train_sft.log").read_text()
    empty.write_config({**values, "resources": {"retries": 1}})
    assert empty.snakemake(MODEL, OMNITUNE_FAKE="fail").stdout.count(FAILURE) == 2


@pytest.mark.parametrize("asked", ["file", "signal"])
def test_a_person_who_stops_a_training_finds_it_stopped(
    empty: Project, finished: Project, start: Callable[..., "subprocess.Popen[bytes]"], asked: str
) -> None:
    snakemake = start(empty, MODEL, OMNITUNE_FAKE="slow@0.3")
    trainer = trainer_of(empty)
    work = empty.path("results/small/main/sft/checkpoints")
    wait_for((work / "checkpoint-5/SEAL.json").exists)
    if asked == "file":
        (work / "stop").touch()
    else:
        trainer.terminate()
    assert snakemake.wait(timeout=300) == 1
    log = empty.path("logs/small/main/train_sft.log").read_text()
    assert log.startswith("Not tried again: it was asked to end.\n"), log
    assert "it was asked to stop, by a file or a signal to a process of it, and has (step " in log
    last = checkpoints.sealed(work)[-1]
    done = empty.snakemake(MODEL)
    assert done.returncode == 0, done.stdout
    step = last.name.removeprefix("checkpoint-")
    assert f"Resuming from step {step} of 18." in empty.path("logs/small/main/train_sft.log").read_text()
    assert empty.path(MODEL).read_bytes() == finished.path(MODEL).read_bytes()


def test_what_is_wrong_with_the_data_is_told_once(empty: Project) -> None:
    empty.path("data/sums.jsonl").write_text("{\n")
    done = empty.snakemake(MODEL)
    assert done.returncode == 1
    assert len(re.findall(r"^error: ", done.stdout, re.M)) == 1, done.stdout


def test_a_hang_is_ended_and_told_and_progress_reaches_the_terminal(empty: Project, values: Values) -> None:
    limits = {"first_step_minutes": 0.05, "stall_minutes": 0.05}
    empty.write_config({**values, "resources": limits})
    begun = time.monotonic()
    done = empty.snakemake(MODEL, OMNITUNE_FAKE="stall")
    assert done.returncode == 1
    assert time.monotonic() - begun < 600, "so long it would have slept"
    assert "ms-swift hung: there was no sign of progress for " in done.stdout
    assert empty.json("logs/small/main/train_sft.swift.verdict.json")["code"] == 79
    empty.write_config(values)  # a trainer may be slow to start
    done = empty.snakemake(MODEL, OMNITUNE_FAKE="slow@0.2")
    assert done.returncode == 0, done.stdout
    assert "\nsmall/main/train_sft: step " in done.stdout
    assert "step " in empty.path("logs/small/main/train_sft.log").read_text()
