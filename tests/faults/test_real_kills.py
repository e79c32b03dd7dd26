"""The real ms-swift, killed again and again: the same snakemake command goes on each time, and ends the same."""

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import looks
import numpy as np
import psutil
import pytest
from damage import flipped
from full import FULL, full
from media_files import chat, image, wav, write_jsonl
from project import Project
from tally import Count

from omnitune import checkpoints, weights
from omnitune.publish import MANIFEST
from omnitune.trainer import heartbeat

SAVE_STEPS = 2
# How a training is ended, one after the other.
KINDS = ("save", "step", "step and damage") if not FULL else (
    *("save", "step", "save", "loading", "step and damage", "save", "step", "save and damage") * 3, "step",
    "stopped", "loader stopped",
)  # fmt: skip
OF_TWO = ("step", "save", "loading", "save", "step")
WAIT_SECONDS = 300  # for what takes some 20 s on a machine with nothing else to do


@pytest.fixture(scope="module")
def project(
    tiny_model: Path, copy_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """Rows of text, pictures and sound; equal experiments, with dropout, so that random states matter."""
    project = copy_project(tmp_path_factory.mktemp("kills"))
    rows: list[dict[str, Any]] = [chat(f"{number} + 1 =", f"{number + 1}") for number in range(40)]
    for number in range(30):
        image(project.path(f"data/{number}.png"))
        rows.append(chat(f"<image>Which, {number}?", f"{number}", images=[f"{number}.png"]))
        wav(project.path(f"data/{number}.wav"))
        rows.append(chat(f"<audio>Who, {number}?", f"{number}", audios=[f"{number}.wav"]))
    write_jsonl(project.path("data/rows.jsonl"), rows)
    two = {"sft": {"processes": 2, "lora": {"dropout": 0}}}
    project.write_config(
        {
            "run": "kills",
            "device": "cpu",
            "model": {"path": str(tiny_model)},
            "media": {"roots": ["data"]},
            "sources": {"rows": {"format": "messages", "path": "data/rows.jsonl"}},
            "split": {"val": 0.1, "test": 0.1},
            "sft": {
                "epochs": full(0.6, 2), "learning_rate": 4e-3, "max_length": 512, "effective_batch": 4,
                "micro_batch": 2, "dataloader_workers": 1, "save_steps": SAVE_STEPS, "eval_steps": 8,
                "logging_steps": 1, "lora": {"dropout": 0.1},
            },
            "resources": {"stall_minutes": 0.5, "first_step_minutes": WAIT_SECONDS / 60},
            "experiments": {"whole": {}, "killed": {}, "whole_of_two": two, "killed_of_two": two},
        }
    )  # fmt: skip
    return project


class Run:
    """One start of snakemake for the training of an experiment."""

    def __init__(self, project: Project, experiment: str) -> None:
        self.project = project
        self.target = f"results/kills/{experiment}/sft/model/manifest.json"
        self.work = project.path(f"results/kills/{experiment}/sft/checkpoints")
        self.log = project.path(f"logs/kills/{experiment}/train_sft.log")
        self.verdict = f"logs/kills/{experiment}/train_sft.swift.verdict.json"
        self.steps = looks.last_step(self.work)
        with project.path("said").open("wb") as said:
            self.process = subprocess.Popen(
                project.argv("--", self.target), cwd=project.folder, stdout=said, stderr=subprocess.STDOUT
            )

    def wait_for(self, condition: Callable[[], object]) -> bool:
        """Whether it came to pass before the run ended."""
        end = time.monotonic() + WAIT_SECONDS
        while not condition():
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < end, self.project.path("said").read_text()
            time.sleep(0.005)
        return True

    def end(self) -> int:
        """Wait for its end; snakemake's exit code."""
        code = self.process.wait(WAIT_SECONDS)
        assert code in (0, 1), self.project.path("said").read_text()
        return code


@pytest.fixture
def start() -> Iterator[Callable[..., Run]]:
    """Start snakemake; what runs at the end of the test is ended."""
    runs: list[Run] = []

    def start(project: Project, experiment: str) -> Run:
        runs.append(Run(project, experiment))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.wait()


def strike(run: Run, kind: str, dice: random.Random) -> int | None:
    """End a training in that way; the code that it must have, None when it was over before."""
    moment = kind.partition(" and ")[0]
    open_folders = set(run.work.glob("checkpoint-*"))
    if not run.wait_for(lambda: looks.trainers_of(run.process.pid)):
        return None
    delay = 0.0
    if moment == "loading":
        delay = dice.uniform(0, 10)
    elif moment == "save":
        if not run.wait_for(lambda: set(run.work.glob("checkpoint-*")) - open_folders):
            return None
        delay = dice.uniform(0, 0.2)
    else:
        wanted = run.steps + dice.randint(0, SAVE_STEPS)
        if not run.wait_for(lambda: looks.last_step(run.work) > wanted - SAVE_STEPS and trains(run)):
            return None
        delay = 0 if moment.endswith("stopped") else dice.uniform(0, 0.5)
    time.sleep(delay)
    trainers = looks.trainers_of(run.process.pid)
    if not trainers:
        return None
    trainer = dice.choice(trainers)
    try:
        victim = trainer.children()[0] if moment == "loader stopped" else trainer
        victim.send_signal(signal.SIGSTOP if moment.endswith("stopped") else signal.SIGKILL)
    except (psutil.NoSuchProcess, IndexError):
        return None
    return 79 if moment.endswith("stopped") else 137


def trains(run: Run) -> bool:
    """Whether it is between two saves, where a stall is noticed soon."""
    return any(beat.phase == "train" and beat.step for beat in heartbeat.read(run.work))


def chain(
    start: Callable[..., Run], project: Project, experiment: str, kinds: tuple[str, ...], dice: random.Random
) -> int:
    """Strike and start again, until all kinds have struck and the training is done; how many did."""
    struck = 0
    left = list(kinds)
    while True:
        run = start(project, experiment)
        expected = strike(run, left[0], dice) if left else None
        code = run.end()
        log = run.log.read_text()
        if code == 0:
            assert not left, f"it was done before {left}"
            return struck
        assert project.json(run.verdict)["code"] == expected, log
        assert not project.path(run.target).exists()
        steps, sealed = looks.last_step(run.work), looks.newest_sealed(run.work)
        assert steps - sealed <= SAVE_STEPS, "more than the steps since the last checkpoint was lost"
        if left.pop(0).endswith("damage") and len(folders := checkpoints.sealed(run.work)) > 1:
            flipped(folders[-1], dice)
        struck += 1


def done(start: Callable[..., Run], project: Project, experiment: str) -> Path:
    """Train without a disturbance; the folder of the model."""
    run = start(project, experiment)
    assert run.end() == 0, project.path("said").read_text()
    return project.path(run.target).parent


def files(folder: Path) -> dict[str, bytes]:
    """The files of a model but for its manifest, which names its experiment."""
    found = looks.model(folder)
    assert found
    del found[MANIFEST]
    return found


def test_killed_whenever_it_ends_bit_for_bit_as_if_it_was_not(
    project: Project, start: Callable[..., Run], count: Count
) -> None:
    whole = files(done(start, project, "whole"))
    number = chain(start, project, "killed", KINDS, random.Random(5))
    assert files(project.path("results/kills/killed/sft/model")) == whole
    assert number == len(KINDS)
    count("kills and hangs of the real trainer survived", number)


@pytest.mark.skipif(not FULL, reason="tests/e2e/test_processes.py has one case")
def test_two_ranks_end_within_a_millionth(project: Project, start: Callable[..., Run], count: Count) -> None:
    whole = done(start, project, "whole_of_two")
    number = chain(start, project, "killed_of_two", OF_TWO, random.Random(6))
    killed = project.path("results/kills/killed_of_two/sft/model")
    losses = [
        [row.get("loss", row.get("eval_loss")) for row in project.rows(f"{folder}/training_log.jsonl")]
        for folder in (whole, killed)
    ]
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    adapters = [weights.header(folder / "adapter_model.safetensors") for folder in (whole, killed)]
    for name in adapters[0]:
        values = [np.frombuffer(weights.content(adapter[name]), np.float32) for adapter in adapters]
        np.testing.assert_allclose(*values, atol=1e-5)
    count("kills of one of two real ranks survived", number)
