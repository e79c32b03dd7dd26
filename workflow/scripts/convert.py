"""Turns one shard of a source into canonical records: exactly one line for every row of it.

A row that cannot be read keeps its place as {source, line, error, message}; the split stage decides whether
there are too many of them. Media paths come out absolute, and only inside the roots.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omnitune import converters, errors


def main(argv: Sequence[str] | None = None) -> int:
    """Convert what the command line names; returns the exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    if not 0 <= args.shard < args.shards:
        parser.error(f"argument --shard: {args.shard} is not in 0 to {args.shards - 1}")
    converters.check_columns(args.format, args.columns, args.source)
    source = converters.open_source(args.source, args.path, args.task, args.columns, args.root, args.media_dir)
    records, unread = converters.convert_source(
        source, args.format, args.output, args.shard, args.shards, args.max_rows
    )
    print(f"{args.path}: {records} records, {unread} unread rows", file=sys.stderr)
    return errors.ExitCode.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="convert.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--source", required=True, metavar="NAME", help="name of the source; begins every id")
    add("--format", required=True, choices=list(converters.CONVERTERS), help="how the rows are written")
    add("--path", required=True, type=Path, metavar="FILE", help="the source's JSONL file")
    add("--task", required=True, help="metric set that scores the rows")
    add(
        "--columns",
        type=_columns,
        default={},
        metavar="JSON",
        help="source column -> our field, as an object",
    )
    add("--root", required=True, type=Path, action="append", metavar="DIR", help="folder media may lie in")
    add(
        "--media-dir",
        required=True,
        type=Path,
        metavar="DIR",
        help="where media embedded as base64 are written",
    )
    add("--shard", type=int, default=0, metavar="I", help="which contiguous part to convert, from 0")
    add("--shards", type=int, default=1, metavar="N", help="number of parts")
    add("--max-rows", type=int, metavar="N", help="only the first N rows of the source")
    add("--output", required=True, type=Path, metavar="FILE", help="JSONL to write")
    return parser


def _columns(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"not a JSON object: {text}")
    return value


if __name__ == "__main__":
    errors.run(main)
