"""What several tests share: copies of the project, the tiny model, a swift environment with a fake trainer."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from project import Project
from xdist.scheduler import LoadScopeScheduling

from omnitune import environments

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # of nohup, which tests that send it would hear

# A slow or busy machine is no finding, and a run must repeat.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

pytest_plugins = ["tally"]

ROOT = environments.ROOT
FAKES = Path(__file__).parent / "fakes"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Deal tests to the processes of `make test` by file, whose fixtures they share; e2e shares one demo run."""

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return str(Path(file).parent) if file.startswith("tests/e2e/") else file

    return Scheduling(config, log)


@pytest.fixture(scope="session")
def swift_python() -> Path:
    """Interpreter of the real swift environment; `make test` has built it."""
    return environments.require("swift")


@pytest.fixture(scope="session")
def fake_swift(swift_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that is the real one, but for the trainer and the inference, which are faked."""
    folder = tmp_path_factory.mktemp("fake_swift")
    (folder / "bin").mkdir()
    (folder / "lib").symlink_to(swift_python.parent.parent / "lib")
    python = folder / "bin" / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in\n*swift.cli.*) export PYTHONPATH="{FAKES}";;\n'
        f'*answer_twice.py*) shift; exec "{swift_python}" "{FAKES}/answer_twice.py" "$@";;\nesac\n'
        f'exec "{swift_python}" "$@"\n'
    )
    python.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def fake_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter for which `-m swift.cli.sft` is the fake, and which needs no swift environment."""
    python = tmp_path_factory.mktemp("fake") / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexport PYTHONPATH="{FAKES}"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return str(python)


@pytest.fixture(scope="session")
def tiny_model(swift_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the tiny random Qwen3-Omni."""
    folder = tmp_path_factory.mktemp("tiny") / "model"
    command = [swift_python, ROOT / "workflow/scripts/demo.py", "model", "--output", folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def copy_project() -> Callable[[Path], Project]:
    """Copy what a clone would hold into a folder."""

    def copy(folder: Path) -> Project:
        for name in ("Snakefile", "rules", "workflow", "config", "envs", "profiles"):
            source, target = ROOT / name, folder / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
        return Project(folder)

    return copy


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the developer's shell must not decide a test."""
    for name in ("OMNITUNE_FAKE", "OMNITUNE_LAUNCHER_PID", "MAX_PIXELS", "SNAKEMAKE_PROFILE"):
        monkeypatch.delenv(name, raising=False)
