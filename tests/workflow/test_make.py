"""What a person types after `make` reaches the command as it is, and says yes only when it means yes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from media_files import chat, wav, write_jsonl
from project import Project

from omnitune.environments import ROOT


@pytest.fixture
def clone(copy_project: Callable[[Path], Project], tmp_path: Path) -> Project:
    """A checkout whose environments are built."""
    project = copy_project(tmp_path / "clone")
    shutil.copy(ROOT / "Makefile", project.folder)
    project.path(".venv").symlink_to(Path(sys.executable).parent.parent)
    return project


def make(
    project: Project, swift_python: Path, *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMNITUNE_ENV_DIR": str(swift_python.parents[2]), **environment}
    return subprocess.run(
        ["make", *words], cwd=project.folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_folder_of_any_name_is_found(clone: Project, swift_python: Path, tmp_path: Path, by: str) -> None:
    folder = tmp_path / 'odd $HOME $(RUN) `id` "q" [x] ü'
    wav(folder / "a.wav")
    write_jsonl(folder / "rows.jsonl", [chat("<audio>Who?", "Ada", audios=["a.wav"])] * 3)
    if by == "argument":
        done = make(clone, swift_python, "init", "RUN=odd", f"DATA={folder}")
    else:
        done = make(clone, swift_python, "init", "RUN=odd", DATA=str(folder))
    assert done.returncode == 0, done.stderr
    written = yaml.safe_load(clone.path("config/odd.yaml").read_text())
    assert written["sources"]["rows"]["path"] == f"{folder}/rows.jsonl"
    assert written["media"]["roots"] == [str(folder)]


@pytest.mark.parametrize(
    ("yes", "removed"),
    [("0", False), ("no", False), ("n", False), ("false", False), ("1", True), ("y", True), ("yes", True)],
)
def test_only_a_yes_removes_without_asking(clone: Project, swift_python: Path, yes: str, removed: bool) -> None:
    clone.write_rows("results/r/split/train.jsonl", [{}])
    done = make(clone, swift_python, "clean", "RUN=r", f"YES={yes}")
    assert done.returncode == 0, done.stderr
    assert clone.path("results/r").exists() is not removed


def test_config_files_are_laid_over_each_other(clone: Project, swift_python: Path) -> None:
    configs = "config/examples/demo.yaml config/examples/demo_grpo.yaml"
    done = make(clone, swift_python, "plan", f"CONFIG={configs}", "TARGETS=grpo")
    assert done.returncode == 0, done.stderr
    assert "\ngrpo (main)  not made yet\n" in done.stdout
    assert f"Run it: snakemake --cores all grpo --configfile {configs}\n" in done.stdout


@pytest.mark.parametrize("target", ["serve", "init", "clean"])
def test_a_run_that_is_not_named_is_asked_for(clone: Project, swift_python: Path, target: str) -> None:
    done = make(clone, swift_python, target)
    assert f"error: RUN is missing. Run: make {target} RUN=name" in done.stderr
    assert "Error 2" in done.stderr
