"""A small run of the whole pipeline with the fake trainer, shared by the workflow tests."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from project import Project
from text_rows import Values, sums


@pytest.fixture(scope="session")
def values(fake_swift: Path, tiny_model: Path) -> Values:
    """The config of the small run."""
    return {
        "run": "small",
        "device": "cpu",
        "model": {"path": str(tiny_model)},
        "sources": {"sums": {"format": "messages", "path": "data/sums.jsonl", "task": "sums"}},
        "split": {"val": 0.1, "test": 0.2},
        "sft": {"epochs": 2, "effective_batch": 8, "micro_batch": 4, "save_steps": 5, "eval_steps": 5},
        "infer": {"batch_size": 4, "max_new_tokens": 8},
        "envs": {"swift": str(fake_swift)},
    }


@pytest.fixture(scope="session")
def finished(
    values: Values, copy_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """A project whose run is finished; tests that change it take `project`."""
    project = copy_project(tmp_path_factory.mktemp("finished"))
    project.write_config(values)
    project.write_rows("data/sums.jsonl", sums(0, 100))
    done = project.snakemake()
    assert done.returncode == 0, done.stdout
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project, times and Snakemake's records kept."""
    folder = tmp_path / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    return Project(folder)


@pytest.fixture
def empty(values: Values, copy_project: Callable[[Path], Project], tmp_path: Path) -> Project:
    """A project with config and data, nothing run."""
    project = copy_project(tmp_path / "project")
    project.write_config(values)
    project.write_rows("data/sums.jsonl", sums(0, 100))
    return project
