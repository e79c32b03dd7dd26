"""Write rows and their lengths as a dataset for `swift sft --cached_dataset`, so that rows of like length are
trained on together without encoding them first. Runs in the swift environment.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from omnitune import errors
from omnitune.tokens.cached import cache_rows


def main(argv: Sequence[str] | None = None) -> int:
    """Write the folder named by --output; returns the exit code."""
    parser = argparse.ArgumentParser(prog="cache_rows.py", description=__doc__)
    add = parser.add_argument
    add("--rows", required=True, type=Path, metavar="FILE", help="JSONL of rows, as split.py writes it")
    add("--lengths", required=True, type=Path, metavar="FILE", help='JSONL of {"id", "tokens"}, in the same order')
    add("--output", required=True, type=Path, metavar="DIR", help="folder to write; an old one is replaced")
    args = parser.parse_args(argv)
    print(f"{cache_rows(args.rows, args.lengths, args.output)} rows", file=sys.stderr)
    return errors.ExitCode.OK


if __name__ == "__main__":
    errors.run(main)
