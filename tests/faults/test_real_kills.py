"""The real ms-swift, killed again and again: the same snakemake command goes on each time, and ends the same."""

import random
import re
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
from small_disk import mounted
from tally import Count

from omnitune import checkpoints, training_log, weights
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
                "epochs": full(0.6, 3), "learning_rate": 4e-3, "max_length": 512, "effective_batch": 4,
                "micro_batch": 2, "dataloader_workers": 1, "save_steps": SAVE_STEPS, "eval_steps": 8,
                "logging_steps": 1, "lora": {"dropout": 0.1},
            },
            "resources": {"retries": 0, "stall_minutes": 0.5, "first_step_minutes": WAIT_SECONDS / 60},
            "experiments": {"whole1": {}, "killed1": {}, "full": {}, "whole2": two, "killed2": two},
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
        self._logged = self._log_size()
        with project.path("said").open("wb") as said:
            self.process = subprocess.Popen(
                project.argv("--", self.target), cwd=project.folder, stdout=said, stderr=subprocess.STDOUT
            )

    def _log_size(self) -> int:
        log = self.work / training_log.FILE
        return log.stat().st_size if log.exists() else 0

    def steps(self) -> list[int]:
        """The steps that this start has logged."""
        if self._log_size() <= self._logged:
            return []
        text = (self.work / training_log.FILE).read_bytes()[self._logged :]
        return [int(step) for step in re.findall(rb'"loss".*"global_step/max_steps": "(\d+)/', text)]

    def wait_for(self, condition: Callable[[], object]) -> bool:
        """Whether it came to pass before the run ended."""
        end = time.monotonic() + WAIT_SECONDS
        while not condition():
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < end, self.project.path("said").read_text()
            time.sleep(0.01)
        return True

    def end(self) -> int:
        """Wait for its end; snakemake's exit code."""
        code = self.process.wait(3 * WAIT_SECONDS)
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
        wanted = dice.randint(1, SAVE_STEPS + 1)
        if not run.wait_for(lambda: len(run.steps()) >= wanted and trains(run)):
            return None
        delay = 0 if moment.endswith("stopped") else dice.uniform(0, 0.5)
    time.sleep(delay)
    trainers = looks.trainers_of(run.process.pid)
    if not trainers:
        return None
    trainer = dice.choice(trainers)
    try:
        victim = loader_of(trainer) if moment == "loader stopped" else trainer
        victim.send_signal(signal.SIGSTOP if moment.endswith("stopped") else signal.SIGKILL)
    except psutil.NoSuchProcess:
        return None
    return 79 if moment.endswith("stopped") else 137


def loader_of(trainer: psutil.Process) -> psutil.Process:
    """A process that reads rows for it."""
    return next(child for child in trainer.children() if "swift.cli.sft" in child.cmdline())


def trains(run: Run) -> bool:
    """Whether it is between two saves, where a stall is noticed soon."""
    return any(beat.phase == "train" and beat.step for beat in heartbeat.read(run.work))


def chain(
    start: Callable[..., Run], project: Project, experiment: str, kinds: tuple[str, ...], dice: random.Random
) -> int:
    """Strike and start again, until all kinds have struck and the training is done; how many did."""
    struck, left = 0, list(kinds)
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
        lost = max(run.steps(), default=0) - looks.newest_sealed(run.work)
        assert lost <= SAVE_STEPS, "more than the steps since the last checkpoint"
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


def same(project: Project, one: Path, other: Path) -> None:
    """Two trainings of several ranks, whose sums need not be made in the same order."""
    losses = [
        [row.get("loss", row.get("eval_loss")) for row in project.rows(f"{folder}/training_log.jsonl")]
        for folder in (one, other)
    ]
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    adapters = [weights.header(folder / "adapter_model.safetensors") for folder in (one, other)]
    for name in adapters[0]:
        values = [np.frombuffer(weights.content(adapter[name]), np.float32) for adapter in adapters]
        np.testing.assert_allclose(*values, atol=1e-5)


# With two ranks tests/e2e/test_processes.py has the one case of `make test`.
@pytest.mark.parametrize("ranks", full([1], [1, 2]))
def test_killed_whenever_it_ends_as_if_it_was_not(
    project: Project, start: Callable[..., Run], ranks: int, count: Count
) -> None:
    """Of one process bit for bit."""
    whole = done(start, project, f"whole{ranks}")
    kinds = KINDS if ranks == 1 else OF_TWO
    assert chain(start, project, f"killed{ranks}", kinds, random.Random(5)) == len(kinds)
    killed = project.path(f"results/kills/killed{ranks}/sft/model")
    if ranks == 1:
        assert files(killed) == files(whole)
    else:
        same(project, whole, killed)
    count("kills and hangs of real trainers survived", len(kinds))


def test_a_save_that_finds_the_disk_full(project: Project, start: Callable[..., Run], count: Count) -> None:
    """The room that was asked for is taken by another program."""
    whole = files(done(start, project, "whole1"))
    with mounted(project.path("results/kills/full/sft"), 500) as disk:
        run = start(project, "full")
        assert run.wait_for(lambda: looks.newest_sealed(run.work) and trains(run))
        disk.fill(but_for=30_000)
        assert run.end() == 1
        verdict = project.json(run.verdict)
        assert (verdict["code"], verdict["where"]) == (74, "logs/kills/full/train_sft.swift.log"), (
            run.log.read_text()
        )
        assert "free" in verdict["fix"].lower()
        assert looks.newest_sealed(run.work)
        disk.free()
        assert files(done(start, project, "full")) == whole
    count("full disks survived")
