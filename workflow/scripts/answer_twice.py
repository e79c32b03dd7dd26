"""Answer a folder's rows with both of its models, one after the other; check_merge.py starts it."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from omnitune.errors import run
from omnitune.parity import answer


def main(argv: Sequence[str] | None = None) -> int:
    """Write a file of answers for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with job.json and rows.jsonl")
    answer(parser.parse_args(argv).folder)
    return 0


if __name__ == "__main__":
    run(main)
