"""Deals the validated rows of all sources into train, val, test and grpo, and writes the ledger of every row.

Rows that share a medium (text rows: a question) stay together, and where a row goes depends on its name, its
source's use, the seed and the rows before it alone, so rows added at the end move none. Of equal rows one is kept.
The run stops here when too many rows were rejected.

--sources is a JSON list of {"name", "use", "path", "valid": [FILE...], "ledger": [FILE...]}, one entry a
source and one file a shard; @FILE reads the list from a file.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from omnitune import errors
from omnitune.validation.assignment import FILES, Sameness, ValidSource
from omnitune.validation.codes import Action
from omnitune.validation.groups import Draw
from omnitune.validation.policy import Policy
from omnitune.validation.split import Rules, split_sources


def main(argv: Sequence[str] | None = None) -> int:
    """Split what the command line names; returns the exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.val + args.test > 1:
        parser.error(f"--val and --test hold out {args.val + args.test:g} of the rows, more than all")
    rules = Rules(
        Draw(args.val, args.test, args.seed),
        args.max_rejected,
        _trains(args.sources),
        args.need_test == "true",
        Sameness(args.duplicates == "drop", args.near_duplicates),
        Policy(args.policy),
    )
    manifest = split_sources(args.sources, args.root, rules, args.output)
    rows = {name: manifest["files"][f"{name}.jsonl"]["rows"] for name in FILES}
    print(", ".join(f"{count} {name}" for name, count in rows.items()), file=sys.stderr)
    return errors.ExitCode.OK


def _trains(sources: Sequence[ValidSource]) -> bool:
    """Whether any row is meant for the train file."""
    return any("sft" in source.use for source in sources)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="split.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--sources", required=True, type=_sources, metavar="JSON", help="the validated sources (see above)")
    add("--root", required=True, type=Path, action="append", metavar="DIR", help="folder that media lie in")
    add("--val", type=_share, default=0.01, metavar="SHARE", help="share of media for validation (0.01)")
    add("--test", type=_share, default=0.05, metavar="SHARE", help="share of media for the test (0.05)")
    add("--seed", type=int, default=17, help="another seed deals otherwise (17)")
    add("--duplicates", choices=["drop", "keep"], default="drop", help="rows equal to another one (drop)")
    add("--near-duplicates", type=_share, default=0.0, metavar="SIMILARITY", help="0: texts are not compared (0)")
    add("--max-rejected", type=_share, default=0.02, metavar="SHARE", help="allowed per source (0.02)")
    add("--policy", type=_policy, default={}, metavar="JSON", help="validate.policy, code -> action ({})")
    add("--need-test", choices=["true", "false"], default="true", help="whether an empty test is an error")
    add("--output", required=True, type=Path, metavar="DIR", help="folder to write into")
    return parser


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 0 to 1")
    return value


def _policy(text: str) -> dict[str, Action]:
    try:
        return msgspec.json.decode(text, type=dict[str, Action])
    except msgspec.DecodeError as error:
        raise argparse.ArgumentTypeError(f"not a map of codes to actions: {error}") from None


def _sources(text: str) -> list[ValidSource]:
    content = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
    try:
        return msgspec.json.decode(content, type=list[ValidSource])
    except msgspec.DecodeError as error:
        raise argparse.ArgumentTypeError(f"not a list of sources: {error}") from None


if __name__ == "__main__":
    errors.run(main)
