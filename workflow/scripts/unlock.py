"""Frees the folder after a killed snakemake: its lock is left behind, and the next start would stop at it.

Refuses while a snakemake or one of its jobs is at work here: two in one folder would undo each other's work.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from omnitune import errors, unlocking


def main(argv: Sequence[str] | None = None) -> int:
    """Look, then hand over to `snakemake --unlock`."""
    parser = argparse.ArgumentParser(
        prog="unlock.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", nargs="+", required=True, metavar="FILE", help="the run's")
    options = parser.parse_args(argv)
    for name in options.config:
        if not Path(name).is_file():
            fix = "Name the run's: make unlock CONFIG=file.yaml"
            raise errors.PipelineError("there is no such file", where=name, fix=fix)
    unlocking.refuse_at_work()
    command = [sys.executable, "-m", "snakemake", "--unlock", "--configfile", *options.config]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    errors.run(main)
