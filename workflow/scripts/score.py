"""Scores the predictions of a run's stages, and compares each with the untouched model's.

    score.py --predictions base=base.jsonl merge=merge.jsonl --tasks '{"default": ["exact_match"]}' \\
             --output metrics.json
    score.py --show metrics.json ...      print the tables of finished metrics, compute nothing
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omnitune import errors, publish, scoring
from omnitune.errors import ExitCode, PipelineError


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="score.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument(
        "--predictions",
        nargs="+",
        type=stage_and_file,
        metavar="STAGE=FILE",
        help="predictions of each stage; base is what the others are compared with",
    )
    top.add_argument("--tasks", metavar="JSON", help="metric names by task, as score.tasks of the config")
    top.add_argument("--output", type=Path, metavar="FILE", help="metrics.json to write")
    top.add_argument("--show", nargs="+", type=Path, metavar="FILE", help="print the tables of these metrics.json")
    return top


def stage_and_file(text: str) -> tuple[str, Path]:
    """`base=FILE` as its two parts."""
    stage, equals, file = text.partition("=")
    if not (stage and equals and file):
        raise argparse.ArgumentTypeError(f"{text!r} is not STAGE=FILE")
    return stage, Path(file)


def main(argv: Sequence[str] | None = None) -> int:
    """Score, or show what was scored; returns the exit code."""
    top = parser()
    args = top.parse_args(argv)
    if args.show:
        if args.predictions or args.tasks or args.output:
            top.error("--show goes alone")
        show(args.show)
        return 0
    if not (args.predictions and args.tasks and args.output):
        top.error("--predictions, --tasks and --output are needed (or --show)")
    files = dict(args.predictions)
    if len(files) < len(args.predictions):
        top.error("--predictions names a stage twice")

    from omnitune.scoring.metrics import check_tasks
    from omnitune.scoring.score import score

    metrics = score(files, check_tasks(read_json(args.tasks, "--tasks")))
    publish.write_json(args.output, metrics)
    print(scoring.table(metrics), end="")
    return 0


def show(paths: Sequence[Path]) -> None:
    """Print the table of each metrics.json, under its name when there are several."""
    for position, path in enumerate(paths):
        if not path.is_file():
            raise PipelineError(
                "there is no such file", where=f"{path}", fix="Run score first.", code=ExitCode.DATA
            )
        metrics = read_json(path.read_bytes(), f"{path}")
        try:
            text = scoring.table(metrics)
        except (KeyError, TypeError, AttributeError):
            fix = "Run score again to write it anew."
            raise PipelineError("not a metrics.json", where=f"{path}", fix=fix, code=ExitCode.DATA) from None
        if len(paths) > 1:
            print(f"{chr(10) if position else ''}{path}")
        print(text, end="")


def read_json(text: str | bytes, where: str) -> Any:
    """The JSON value of `text`."""
    try:
        return json.loads(text)
    except ValueError as error:
        code = ExitCode.CONFIG if where == "--tasks" else ExitCode.DATA
        raise PipelineError(f"not JSON: {error}", where=where, fix="Write it as JSON.", code=code) from None


if __name__ == "__main__":
    errors.run(main)
