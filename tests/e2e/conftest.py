"""The demo, run once by the command of the README with the real ms-swift, and shared by the tests here."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from demo_run import Demo
from project import Project

from omnitune.environments import ROOT


@pytest.fixture(scope="session")
def demo(
    swift_python: Path, copy_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory
) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    copy_project(folder)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    begun = time.monotonic()
    environment = {**os.environ, "OMNITUNE_ENV_DIR": str(swift_python.parents[2])}
    done = subprocess.run(
        ["make", "demo"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return Demo(folder, swift_python.parents[2], done.stdout, time.monotonic() - begun, peak)
