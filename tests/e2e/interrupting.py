"""Trainings of the demo that are ended from outside, and what can be said of them afterwards."""

import os
import subprocess
import time
from pathlib import Path

from demo_run import Demo

from omnitune import runkey
from omnitune.trainer import heartbeat

ONCE = {"resources": {"retries": 0}}  # of a config: what was killed is not started again by itself
SECONDS = 900  # for what takes some 30 s on a machine with nothing else to do


def interrupted(demo: Demo, argv: list[str], work: Path, number: int, *signs: str) -> str:
    """Run snakemake, and send the last rank of its training a signal once those files of its work are there.

    Returns:
        what Snakemake prints.
    """
    heartbeat.clear(work)
    run = subprocess.Popen(argv, cwd=demo.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for sign in signs:
        wait_for(work / sign, run)
    os.kill(heartbeat.read(work)[-1].pid, number)
    output, _ = run.communicate(timeout=SECONDS)
    assert run.returncode == 1, output
    assert not (work.parent / "model").exists()
    return output.decode()


def wait_for(path: Path, process: "subprocess.Popen[bytes]") -> None:
    """Until the file is there; fails when the process ends before."""
    end = time.monotonic() + SECONDS
    while not path.exists():
        assert process.poll() is None, process.stdout and process.stdout.read().decode()
        assert time.monotonic() < end, path
        time.sleep(0.05)


def key_of(work: Path) -> str:
    """Hash of the run key of a training."""
    key = runkey.read(work)
    assert key
    return key.hash


def losses(demo: Demo, model: str) -> list[float]:
    """Those of the training of a model, step by step."""
    return [row["loss"] for row in demo.rows(f"{model}/training_log.jsonl") if "loss" in row]
