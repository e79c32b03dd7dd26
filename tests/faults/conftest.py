"""Starts of real trainings that are ended with their test."""

from collections.abc import Callable, Iterator

import pytest
from project import Project
from strikes import Run


@pytest.fixture
def start() -> Iterator[Callable[..., Run]]:
    """Start snakemake; what runs at the end of the test is ended."""
    runs: list[Run] = []

    def start(project: Project, experiment: str, *stage: str) -> Run:
        runs.append(Run(project, experiment, *stage))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.wait()
