"""doctor.py: lines, JSON and exit codes, on this machine and on poorer ones."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from data_commands import SCRIPTS, command
from project import Project

from omnitune import environments

ROOT = environments.ROOT


def run(script: Path, *argv: object, python: tuple[str, ...] = (sys.executable,), cwd: Path = ROOT, **more: str):
    return subprocess.run(
        [*python, str(script), *map(str, argv)],
        cwd=cwd,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
    )


def test_this_machine_lacks_nothing():
    """`make test` has built both environments, so the demo could run."""
    done = command("doctor", cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    *lines, last = done.stdout.splitlines()
    assert {line.split()[0] for line in lines} <= {"ok", "warning"}
    assert last.startswith("Nothing is lacking, ")
    assert "as the lock says" in done.stdout


def test_json(swift_python: Path):
    done = command("doctor", "--json", "--config", ROOT / "config/examples/demo.yaml", cwd=ROOT)
    assert done.returncode == 0, done.stdout
    answer = json.loads(done.stdout)
    states = {check["name"]: check["state"] for check in answer["checks"]}
    assert answer["lacking"] == 0
    assert states["config"] == states["model"] == states["gpu"] == "ok"
    assert set(answer["checks"][0]) == {"name", "state", "found", "fix"}


@pytest.fixture
def clone(copy_project: Callable[[Path], Project], tmp_path: Path) -> Project:
    return copy_project(tmp_path / "clone")


def doctor(project: Project, *argv: object, **more):
    return run(project.path("workflow/scripts/doctor.py"), *argv, cwd=project.folder, **more)


def test_a_fresh_clone_lacks_its_environments(clone: Project):
    done = doctor(clone, OMNITUNE_ENV_DIR=str(clone.path("cache")))
    assert (done.returncode, done.stderr) == (1, "")
    lacking = [line.split(maxsplit=1)[1] for line in done.stdout.splitlines() if line.startswith("lacking")]
    swift = f"{clone.path('cache')}/swift-{environments.lock_hash('swift')}"
    assert lacking == [
        "python .venv  .venv is not there or not whole. Run: make setup",
        f"env pipeline  {clone.folder}/.venv is not there. Run: make setup",
        f"env swift     {swift} is not there. Run: make setup",
    ]
    assert done.stdout.splitlines()[-1].startswith("3 lacking, ")


def test_a_damaged_checkout_is_told_without_a_traceback(clone: Project):
    clone.path("envs/swift.lock.txt").unlink()
    clone.path("envs/pipeline.lock.txt").write_bytes(b"\x00\xff")
    done = doctor(clone)
    assert (done.returncode, done.stderr) == (1, "")
    assert "envs/swift.lock.txt cannot be read (No such file or directory). Run: git checkout" in done.stdout
    assert "envs/pipeline.lock.txt is not text. Run: git checkout envs/pipeline.lock.txt" in done.stdout


def test_it_runs_in_a_venv_whose_packages_are_gone():
    done = run(SCRIPTS / "doctor.py", python=(sys.executable, "-S"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "memory" in done.stdout


def test_a_config_with_device_cuda_needs_a_gpu(clone: Project, tmp_path: Path):
    clone.write_rows("rows.jsonl", [{"question": "a", "answer": "b"}])
    clone.write_config({"sources": {"rows": {"format": "qa", "path": "rows.jsonl"}}})
    broken = tmp_path / "fake/pynvml.py"
    broken.parent.mkdir()
    broken.write_text("def nvmlInit(): raise RuntimeError('Driver/library version mismatch')\n")
    done = doctor(clone, "--config", "config/config.yaml", PYTHONPATH=str(broken.parent))
    assert (done.returncode, done.stderr) == (1, "")
    assert "config/config.yaml: run main, device: cuda" in done.stdout
    assert (
        "no usable GPU (NVIDIA's driver says: Driver/library version mismatch). Run where there is a GPU "
        "with NVIDIA's driver, or set device: cpu (works for tiny models).\n"
    ) in done.stdout


def test_a_config_with_a_mistake(clone: Project):
    clone.path("config/wrong.yaml").write_text("sft: {learning_rat: 1}\n")
    done = doctor(clone, "--config", "config/wrong.yaml")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[0].split(maxsplit=2)[2] == (
        "config/wrong.yaml: sft.learning_rat is not a setting. Did you mean sft.learning_rate?"
    )
