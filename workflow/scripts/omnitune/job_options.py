"""What every script that runs a model is told, and how its work begins: training, answers and proof alike."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnitune import swift_process, verdict
from omnitune.supervisor import options as watch


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options: log, interpreter, GPUs, attempt, and those of the watch over it."""
    parser.add_argument("--log", type=Path, required=True, help="file for ms-swift's output")
    parser.add_argument("--python", required=True, help="interpreter of the swift environment")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs that the work takes; 0 runs on the CPU")
    parser.add_argument("--granted", type=int, default=0, help="GPUs that the scheduler gave")
    add_attempt(parser)
    watch.add(parser)


def add_attempt(parser: argparse.ArgumentParser) -> None:
    """Add the option that says whether Snakemake tries again."""
    parser.add_argument("--attempt", type=int, default=1, help="which try it is; 1 is a person's start")


@contextmanager
def attempt(options: argparse.Namespace, gpus: int, **watched: Path) -> Iterator[verdict.Attempt]:
    """Record how the block ends beside the log; `watched` as in `alive.noted`.

    Raises:
        PipelineError: other than `gpus` GPUs were granted.
    """
    with verdict.recorded(options.log, options.attempt, **watched) as this:
        swift_process.check_grant(options.granted, gpus)
        yield this
