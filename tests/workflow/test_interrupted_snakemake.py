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
Start = Callable[[Project, float], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start snakemake as a shell does, in a group of its own; returns in the second step of its training."""
    started = []

    def start(project: Project, step_seconds: float) -> "subprocess.Popen[bytes]":
        with (tmp_path / "told").open("wb") as told:
            snakemake = subprocess.Popen(
                project.argv(MODEL), cwd=project.folder,
                env={**os.environ, "OMNITUNE_FAKE": f"slow@{step_seconds}"}, stdout=told, stderr=subprocess.STDOUT,
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


def goes_on(project: Project, finished: Project) -> None:
    """The newest checkpoint was made by no schedule, is resumed, and the end is as if nothing had been."""
    step = int(checkpoints.sealed(project.path(WORK))[-1].name.removeprefix("checkpoint-"))
    assert step in (1, 2, 3, 4), "the schedule is 5"
    done = project.snakemake(MODEL)
    assert done.returncode == 0, done.stdout
    assert project.path(LOG).read_text().startswith(f"Resuming from step {step} of 18.\n")
    assert project.path(MODEL).read_bytes() == finished.path(MODEL).read_bytes()


def test_ctrl_c_saves_first(empty: Project, finished: Project, start: Start, tmp_path: Path) -> None:
    snakemake = start(empty, 1)
    os.killpg(snakemake.pid, signal.SIGINT)
    assert snakemake.wait(timeout=60) == 1
    assert not of_project(empty), "it waits for its jobs"
    told = (tmp_path / "told").read_text()
    assert "Terminating processes on user request" in told
    assert told.count("error: Stopped by SIGINT. The same command goes on from the last checkpoint.") == 1
    assert "Not tried again" not in told
    goes_on(empty, finished)


def test_a_second_ctrl_c_ends_snakemake_at_once_and_leaves_the_trainer_seconds(
    empty: Project, finished: Project, start: Start, tmp_path: Path
) -> None:
    snakemake = start(empty, 5)
    os.killpg(snakemake.pid, signal.SIGINT)
    time.sleep(1.5)
    assert snakemake.poll() is None
    os.killpg(snakemake.pid, signal.SIGINT)
    assert snakemake.wait(timeout=60) == 1
    wait_for(lambda: not of_project(empty), 15)
    goes_on(empty, finished)


def test_kill_waits_for_what_runs_and_the_file_stop_ends_that_too(
    empty: Project, finished: Project, start: Start, tmp_path: Path
) -> None:
    snakemake = start(empty, 1)
    snakemake.terminate()
    wait_for(lambda: "Will exit after finishing currently running jobs" in (tmp_path / "told").read_text())
    time.sleep(1)
    assert snakemake.poll() is None
    (empty.path(WORK) / "stop").touch()
    assert snakemake.wait(timeout=60) == 1
    assert not of_project(empty)
    assert (tmp_path / "told").read_text().count("it was asked to stop") == 1
    goes_on(empty, finished)
