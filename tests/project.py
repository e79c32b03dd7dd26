"""A copy of the project in which a test runs snakemake."""

import json
import os
import re
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from omnitune.config.experiments import Experiment
from omnitune.config.load import load
from omnitune.config.run import Config
from omnitune.environments import ROOT

Values = dict[str, Any]


def processor_seconds() -> float:
    """Processor time of this process's ended children: what a command costs, however busy the machine is."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def is_quick(seconds: float) -> bool:
    """Whether so much processor time is little for a snakemake, on a machine of whatever speed."""
    begun = processor_seconds()
    subprocess.run([sys.executable, "-m", "snakemake", "--version"], capture_output=True, check=True)
    return seconds < 5 * (processor_seconds() - begun)  # what it takes to load it


def example(name: str) -> tuple[Config, Experiment]:
    """A config of config/examples as the rules read it, with its one experiment."""
    path = ROOT / "config" / "examples" / f"{name}.yaml"
    config, (experiment,) = load(yaml.safe_load(path.read_text(encoding="utf-8")), [path])
    return config, experiment


@dataclass
class Project:
    """A folder with Snakefile, rules, workflow, config, envs and profiles."""

    folder: Path

    def write_config(self, values: Values) -> None:
        """Replace config/config.yaml."""
        (self.folder / "config/config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))

    def write_rows(self, path: str, rows: list[Values]) -> None:
        """Write a JSONL file of the project."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def argv(self, *arguments: str) -> list[str]:
        """The command of `snakemake`."""
        return [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]

    def snakemake(
        self, *arguments: str, timeout: float = 900, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run snakemake here and return how it ended, its output as one text."""
        return subprocess.run(
            self.argv(*arguments),
            cwd=self.folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def plan(self, *arguments: str) -> dict[str, int]:
        """Jobs by rule that `snakemake -n` announces; empty when there is nothing to do."""
        done = self.snakemake("-n", *arguments)
        assert done.returncode == 0, done.stdout
        table = re.search(r"^Job stats:\njob +count\n[- ]+\n(.*?)^total", done.stdout, re.M | re.S)
        rows = (line.split() for line in table[1].splitlines()) if table else []
        return {rule: int(count) for rule, count in rows if rule != "all"}

    def json(self, path: str) -> Any:
        """A JSON file of the project."""
        return json.loads((self.folder / path).read_bytes())

    def rows(self, path: str) -> list[Any]:
        """The rows of a JSONL file of the project."""
        return [json.loads(line) for line in (self.folder / path).read_bytes().splitlines()]

    def path(self, path: str) -> Path:
        """A path of the project."""
        return self.folder / path
