"""status.py beside a real snakemake run with the fake trainer: while it runs, after a kill, after the end."""

import os
import subprocess

from children import HURRY, wait_for
from data_commands import command
from project import Project
from test_run import MODEL, trainer_of


def row(project: Project) -> str:
    """The training's line."""
    done = command("status", "--run", "small", cwd=project.folder)
    assert (done.returncode, done.stderr) == (0, "")
    return next(line for line in done.stdout.splitlines() if line.startswith("sft "))


def test_a_training_from_its_first_step_over_a_kill_to_its_end(empty: Project, values: dict) -> None:
    empty.write_config({**values, "resources": {"retries": 0}})
    snakemake = subprocess.Popen(
        empty.argv(MODEL),
        cwd=empty.folder,
        env={**os.environ, "OMNITUNE_FAKE": "stall@3"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    supervisor = trainer_of(empty).parent()
    wait_for(lambda: "/18 steps" in row(empty))
    line = row(empty)
    assert "running" in line
    assert line.endswith(f"  {supervisor.pid}")
    assert " s ago" in line
    supervisor.kill()
    snakemake.wait(timeout=HURRY)
    assert "  killed  " in row(empty)
    assert empty.snakemake(MODEL).returncode == 0
    assert "done" in (line := row(empty))
    assert "18/18 steps" in line
    assert not list(empty.path("logs").rglob("*.running.json"))
