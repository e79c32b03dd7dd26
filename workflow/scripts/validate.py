"""Checks the converted rows of one shard: good ones go on, and every row gets a verdict in the ledger.

Checked are roles and their order, empty turns, markers against media, control tokens, answers, ids, and that
every medium opens. A rejected row is no failure here; the split stage stops the run when there are too many.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from omnitune import errors
from omnitune.config.validate import ValidateConfig
from omnitune.validation.validate import Gate, validate_file


def main(argv: Sequence[str] | None = None) -> int:
    """Validate what the command line names; returns the exit code."""
    args = _parser().parse_args(argv)
    settings = args.settings.model_copy(update={"processes": args.processes})
    sound = args.audio_in_video == "true"
    with Gate(args.path, args.use, settings, args.media_dir, audio_in_video=sound, cache=args.cache) as gate:
        counts = validate_file(gate, args.input, args.output, args.ledger)
    print(
        f"{args.path}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()),
        file=sys.stderr,
    )
    return errors.ExitCode.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="validate.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--input", required=True, type=Path, metavar="FILE", help="what convert.py wrote")
    add("--path", required=True, metavar="FILE", help="the source file, as messages should name it")
    add("--use", required=True, nargs="+", choices=["sft", "grpo", "eval"], help="what the rows may become")
    add("--settings", required=True, type=_settings, metavar="JSON", help="the validate section of the config")
    add("--media-dir", required=True, type=Path, metavar="DIR", help="where repaired media are written")
    add("--processes", type=_positive, default=1, metavar="N", help="processes that read media (hash, decode)")
    add(
        "--cache", type=Path, metavar="FILE", help="JSONL of what is known of media; others beside it are read too"
    )
    add("--audio-in-video", choices=["true", "false"], default="false", help="whether videos must have sound")
    add("--output", required=True, type=Path, metavar="FILE", help="JSONL of accepted records to write")
    add("--ledger", required=True, type=Path, metavar="FILE", help="JSONL of verdicts to write")
    return parser


def _positive(text: str) -> int:
    return max(1, int(text))


def _settings(text: str) -> ValidateConfig:
    return ValidateConfig.model_validate_json(text)


if __name__ == "__main__":
    errors.run(main)
