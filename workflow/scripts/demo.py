"""Makes what the demo trains on: four small tasks with their media, and a tiny random Qwen3-Omni.

demo.py data  --output DIR    digits, tones, shapes and sums as JSONL with media, and rows to pre-train on
demo.py model --output DIR    a complete model folder of about one million random parameters
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from omnitune import errors


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="demo.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True)
    for name, text in (("data", "write the tasks and their media"), ("model", "write the tiny random model")):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write into")
        command.add_argument("--seed", type=int, default=0, help="equal seeds give equal files (default 0)")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Write what the sub-command names; returns the exit code."""
    args = parser().parse_args(argv)
    if args.command == "data":
        from omnitune.demo.rows import write_data

        write_data(args.output, args.seed)
    else:
        from omnitune.demo.tiny_model import write_model

        write_model(args.output, args.seed)
    return 0


if __name__ == "__main__":
    errors.run(main)
