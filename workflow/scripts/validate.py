"""Checks rows before they are trained on: every row gets a verdict.

Checked are roles and their order, empty turns, markers against media, control tokens, answers, ids, and that
every medium opens. Nothing is written: what is found is printed, one line each. docs/codes.md lists the codes.
"""

import argparse
import gc
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from omnitune import errors
from omnitune.config.media import MediaConfig
from omnitune.config.validate import ValidateConfig
from omnitune.records import encode
from omnitune.validation.policy import policy_mistakes
from omnitune.validation.validate import Gate, validate_file

_RULE = """Checks the converted rows of one shard: good ones go on, and every row gets a verdict in the ledger.

A rejected row is no failure here; the split stage stops the run when there are too many.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Validate what the command line names; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    return judge(argv) if any(word.startswith("--input") for word in argv) else lint(argv)


def judge(argv: Sequence[str]) -> int:
    """The form that the pipeline calls: converted rows to good ones and a ledger."""
    # Of `--input --help` argparse would say that --input has no value.
    args = _rule_parser().parse_args(["--help"] if "--help" in argv else argv)
    settings = args.settings.model_copy(update={"processes": args.processes})
    lengths = None
    if args.model:
        from omnitune.validation.lengths import LengthCheck

        lengths = LengthCheck(args.model, args.media, args.limits)
    gc.set_threshold(100_000)  # rows hold no cycles; looking for some costs a fifth of the time
    with Gate(
        *(args.path, args.use, settings, args.media_dir),
        carried=args.carried,
        audio_in_video=args.media.audio_in_video,
        need_solution=args.need_solution == "true",
        lengths=lengths,
        cache=args.cache,
        ids=False,
    ) as gate:
        counts = validate_file(gate, args.input, args.output, args.ledger)
    print(
        f"{errors.printable(args.path)}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()),
        file=sys.stderr,
    )
    return errors.ExitCode.OK


def lint(argv: Sequence[str]) -> int:
    """The form that a person calls: files to remarks."""
    from omnitune.validation.lint import Linter

    args = _lint_parser().parse_args(argv)
    settings = ValidateConfig(media=args.media, policy=args.policy)
    linter = Linter(settings, args.use or ["sft"], args.root or [Path.cwd(), Path("/")])
    try:
        for name in args.files:
            with tempfile.NamedTemporaryFile(suffix=".jsonl") as copy:
                if name == "-":
                    shutil.copyfileobj(sys.stdin.buffer, copy)
                    copy.flush()
                path, shown = (Path(copy.name), "standard input") if name == "-" else (Path(name), name)
                for remark in linter.check(path, shown):
                    print(encode(remark).decode() if args.json else f"{remark}\n", end="")
        print(linter.summary(), file=sys.stderr if args.json else sys.stdout, flush=True)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough; the interpreter would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return errors.ExitCode.DATA if linter.failed() else errors.ExitCode.OK


def _lint_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="validate.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit code 65: a row or file is rejected. The form of the pipeline: validate.py --input --help",
    )
    add = parser.add_argument
    add(
        "files",
        nargs="+",
        type=_name,
        metavar="FILE",
        help=".jsonl, .json, .csv, .tsv, .parquet or a folder; - reads JSONL",
    )
    add("--json", action="store_true", help="print one JSON object a line")
    add("--root", type=Path, action="append", metavar="DIR", help="folder media must lie in (default: anywhere)")
    add("--media", choices=["header", "hash", "decode"], default="header", help="how far media are read")
    add("--use", action="append", choices=["sft", "grpo", "eval"], help="what the rows may become (default: sft)")
    add("--policy", type=_policy, default={}, metavar="JSON", help='code -> answer, as in \'{"E044": "reject"}\'')
    return parser


def _rule_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="validate.py", description=_RULE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--input", required=True, type=Path, metavar="FILE", help="what convert.py wrote")
    add("--path", required=True, metavar="FILE", help="the source file, as messages should name it")
    add("--use", required=True, nargs="+", choices=["sft", "grpo", "eval"], help="what the rows may become")
    add("--settings", required=True, type=_settings, metavar="JSON", help="the validate section of the config")
    add("--media-dir", required=True, type=Path, metavar="DIR", help="where repaired media are written")
    add("--carried", type=Path, metavar="DIR", help="where convert.py wrote media that rows hold in themselves")
    add("--processes", type=_positive, default=1, metavar="N", help="processes that read media (hash, decode)")
    add(
        "--cache", type=Path, metavar="FILE", help="JSONL of what is known of media; others beside it are read too"
    )
    add("--media", type=_contract, default=MediaConfig(), metavar="JSON", help="the media section of the config")
    add(
        "--model", type=Path, metavar="DIR", help="folder of the base's manifest; without it no tokens are counted"
    )
    add("--limits", type=json.loads, default={}, metavar="JSON", help="stage -> tokens that a row may have")
    add("--need-solution", choices=["true", "false"], default="false", help="whether a reward compares with one")
    add("--output", required=True, type=Path, metavar="FILE", help="JSONL of accepted records to write")
    add("--ledger", required=True, type=Path, metavar="FILE", help="JSONL of verdicts to write")
    return parser


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("a file name is empty")
    return text


def _positive(text: str) -> int:
    return max(1, int(text))


def _contract(text: str) -> MediaConfig:
    return MediaConfig.model_validate_json(text)


def _settings(text: str) -> ValidateConfig:
    return ValidateConfig.model_validate_json(text)


def _policy(text: str) -> dict[str, str]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"not a JSON object: {text}")
    for code, mistake in policy_mistakes(value):
        raise argparse.ArgumentTypeError(f"{code} {mistake}")
    return value


if __name__ == "__main__":
    errors.run(main)
