"""Turns one shard of a source into canonical records: exactly one line for every row of it.

A row that cannot be read keeps its place as {source, line, error, message}; the split stage decides whether
there are too many of them. Media paths come out absolute, and only inside the roots.
"""

import argparse
import gc
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnitune import converters, errors
from omnitune.converters.templates import Templates
from omnitune.readers import READERS, Part, reader_name

if TYPE_CHECKING:
    from omnitune.media.soundtrack import Soundtracks


def main(argv: Sequence[str] | None = None) -> int:
    """Convert what the command line names; returns the exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    if not 0 <= args.shard < args.shards:
        parser.error(f"argument --shard: {args.shard} is not in 0 to {args.shards - 1}")
    converters.check_columns(args.format, args.columns, args.source)
    reader = READERS[reader_name(args.format, args.path)]
    if args.shards > 1 and not reader.sharded:
        parser.error("argument --shards: only JSONL and Parquet files are parted")
    gc.set_threshold(100_000)  # rows hold no cycles; looking for some costs a tenth of the time
    part = Part(args.shard, args.shards, args.max_rows)
    with _soundtracks(args) as soundtracks:
        source = converters.open_source(
            *(args.source, args.path, args.task, args.columns, args.root, args.media_dir),
            system=args.system,
            templates=Templates(args.user_template, args.assistant_template or None),
            soundtracks=soundtracks,
        )
        records, unread = converters.convert_source(source, args.format, args.output, part)
    shown = errors.printable(str(args.path))
    print(f"{shown}: {records} records, {unread} unread rows", file=sys.stderr)
    if unused := reader.unused(args.path):
        print(f"{shown}: no row was made of {errors.printable(unused)}", file=sys.stderr)
    return errors.ExitCode.OK


def _soundtracks(args: argparse.Namespace) -> "AbstractContextManager[Soundtracks | None]":
    if args.extract_audio != "true":
        return nullcontext()
    # Most sources need no process that decodes, and what there is to import for one takes half a second.
    from omnitune.media.soundtrack import Soundtracks

    return closing(Soundtracks(args.media_dir))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="convert.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--source", required=True, metavar="NAME", help="name of the source; begins every id")
    add("--format", required=True, choices=converters.FORMATS, help="shape of rows, or kind of file")
    add("--path", required=True, type=Path, metavar="PATH", help="the source's file or folder")
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
        help="where media out of rows and the sound of videos are written",
    )
    add("--shard", type=int, default=0, metavar="I", help="which contiguous part to convert, from 0")
    add("--shards", type=int, default=1, metavar="N", help="number of parts")
    add("--max-rows", type=int, metavar="N", help="only the first N rows of the source")
    add("--system", default="", metavar="TEXT", help="system turn of rows that have none")
    add("--user-template", default=Templates().user, metavar="TEXT", help="question of unified rows")
    add(
        "--assistant-template",
        default=Templates().assistant,
        metavar="TEXT",
        help="answer of unified rows; an empty one makes prompts without an answer",
    )
    add("--extract-audio", choices=["true", "false"], default="false", help="whether videos' sound is audio too")
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
