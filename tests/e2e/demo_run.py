"""A run of the demo, as tests look at it."""

from dataclasses import dataclass
from pathlib import Path

from project import Project

CONFIG = ("--configfile", "config/examples/demo.yaml")


@dataclass
class Demo(Project):
    """The demo's folder, where its environments lie, what `make demo` printed, how long it took, its peak."""

    environments: Path
    output: str
    seconds: float
    peak_bytes: int
