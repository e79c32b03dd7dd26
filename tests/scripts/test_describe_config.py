"""describe_config.py: the written files, and the check that they are current."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from omnitune.environments import ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the library with its own config folder."""
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "config").mkdir()
    (tmp_path / "docs").mkdir()
    return tmp_path


def describe(copy: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, copy / "workflow/scripts/describe_config.py", *argv]
    return subprocess.run(line, cwd=copy, capture_output=True, text=True, check=False)


def test_files_are_written_then_current_then_not(copy: Path):
    done = describe(copy, "--check")
    assert (done.returncode, done.stderr) == (
        78,
        "error: config/README.md: it is not what the models say. Run: make docs\n",
    )
    assert list((copy / "config").iterdir()) == []
    assert describe(copy).returncode == 0
    assert describe(copy, "--check").returncode == 0
    (copy / "config/schema.json").write_text("{}")
    done = describe(copy, "--check")
    assert (done.returncode, done.stderr) == (
        78,
        "error: config/schema.json: it is not what the models say. Run: make docs\n",
    )
    assert (copy / "config/schema.json").read_text() == "{}"


def test_the_projects_own_files_are_current():
    line = [sys.executable, ROOT / "workflow/scripts/describe_config.py", "--check"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
