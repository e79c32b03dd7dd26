"""A real training, ended in one way after the other, and started again by the same snakemake command."""

import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import looks
import psutil
from damage import flipped
from project import Project

from omnitune import checkpoints, training_log
from omnitune.publish import MANIFEST
from omnitune.trainer import heartbeat

SAVE_STEPS = 2
WAIT_SECONDS = 300  # for what takes some 20 s on a machine with nothing else to do


class Run:
    """One start of snakemake for the training of an experiment."""

    def __init__(self, project: Project, experiment: str, stage: str = "sft") -> None:
        self.project = project
        self.target = f"results/kills/{experiment}/{stage}/model/manifest.json"
        self.work = project.path(f"results/kills/{experiment}/{stage}/checkpoints")
        self.log = project.path(f"logs/kills/{experiment}/train_{stage}.log")
        self.verdict = f"logs/kills/{experiment}/train_{stage}.swift.verdict.json"
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
    return next(child for child in trainer.children() if set(looks.TRAINS) & set(child.cmdline()))


def trains(run: Run) -> bool:
    """Whether it is between two saves, where a stall is noticed soon."""
    return any(beat.phase == "train" and beat.step for beat in heartbeat.read(run.work))


def chain(
    start: Callable[..., Run], project: Project, experiment: str, kinds: tuple[str, ...], *stage: str
) -> int:
    """Strike and start again, until all kinds have struck and the training is done; how many did."""
    struck, left, dice = 0, list(kinds), random.Random(5)
    while True:
        run = start(project, experiment, *stage)
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


def done(start: Callable[..., Run], project: Project, experiment: str, *stage: str) -> Path:
    """Train without a disturbance; the folder of the model."""
    run = start(project, experiment, *stage)
    assert run.end() == 0, project.path("said").read_text()
    return project.path(run.target).parent


def files(folder: Path) -> dict[str, bytes]:
    """The files of a model but for its manifest, which names its experiment."""
    found = looks.model(folder)
    assert found
    del found[MANIFEST]
    return found
