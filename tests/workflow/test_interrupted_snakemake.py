"""Ctrl-C and kill as a person uses them on a real snakemake, with the fake trainer: it saves, and the next start
goes on, without an unlock."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from children import wait_for
from project import Project
from test_killed_snakemake import of_project
from test_run import MODEL, trainer_of

from omnitune import checkpoints

WORK = "results/small/main/sft/checkpoints"
LOG = "logs/small/main/train_sft.log"
Start = Callable[[Project], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start snakemake as a shell does, in a group of its own; returns in step 2, which `end_step` ends."""
    started = []

    def start(project: Project) -> "subprocess.Popen[bytes]":
        with (tmp_path / "told").open("wb") as told:
            snakemake = subprocess.Popen(
                project.argv(MODEL), cwd=project.folder,
                env={**os.environ, "OMNITUNE_FAKE": "held@2"}, stdout=told, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=_hear_interrupts,
            )  # fmt: skip
        started.append(snakemake)
        trainer_of(project)
        steps = project.path(WORK) / "logging.jsonl"
        wait_for(lambda: steps.exists() and steps.stat().st_size)
        return snakemake

    yield start
    for snakemake in started:
        snakemake.kill()
        snakemake.wait()


def _hear_interrupts() -> None:
    """What was started in the background may not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def end_step(project: Project) -> None:
    (project.path(WORK) / "go").touch()


def goes_on(project: Project, finished: Project) -> None:
    """A checkpoint of the second step, made by no schedule, is resumed, and the end is as if nothing had been."""
    assert [folder.name for folder in checkpoints.sealed(project.path(WORK))] == ["checkpoint-2"]
    done = project.snakemake(MODEL)
    assert done.returncode == 0, done.stdout
    assert project.path(LOG).read_text().startswith("Resuming from step 2 of 18.\n")
    assert project.path(MODEL).read_bytes() == finished.path(MODEL).read_bytes()


def test_ctrl_c_saves_first(empty: Project, finished: Project, start: Start, tmp_path: Path) -> None:
    snakemake = start(empty)
    os.killpg(snakemake.pid, signal.SIGINT)
    wait_for((empty.path(WORK) / "stop").exists)
    end_step(empty)
    assert snakemake.wait(timeout=60) == 1
    assert not of_project(empty), "it waits for its jobs"
    told = (tmp_path / "told").read_text()
    assert "Terminating processes on user request" in told
    assert told.count("error: Stopped by SIGINT. The same command goes on from the last checkpoint.") == 1
    assert "Not tried again" not in told
    goes_on(empty, finished)


def test_a_second_ctrl_c_ends_snakemake_at_once_and_leaves_the_trainer_seconds(
    empty: Project, finished: Project, start: Start
) -> None:
    snakemake = start(empty)
    os.killpg(snakemake.pid, signal.SIGINT)
    time.sleep(1.5)  # within a second it is the same wish
    assert snakemake.poll() is None
    os.killpg(snakemake.pid, signal.SIGINT)
    assert snakemake.wait(timeout=60) == 1
    end_step(empty)
    wait_for(lambda: not of_project(empty), 15)
    goes_on(empty, finished)


def test_kill_waits_for_what_runs_and_the_file_stop_ends_that_too(
    empty: Project, finished: Project, start: Start, tmp_path: Path
) -> None:
    snakemake = start(empty)
    snakemake.terminate()
    wait_for(lambda: "Will exit after finishing currently running jobs" in (tmp_path / "told").read_text())
    time.sleep(1)
    assert snakemake.poll() is None
    (empty.path(WORK) / "stop").touch()
    end_step(empty)
    assert snakemake.wait(timeout=60) == 1
    assert not of_project(empty)
    assert (tmp_path / "told").read_text().count("it was asked to stop") == 1
    goes_on(empty, finished)
