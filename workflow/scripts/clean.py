"""Removes a run: its results, logs and benchmarks. Shows first what would go, then asks.

With --only checkpoints the results stay, and what training and inference kept for themselves goes: checkpoints,
those put aside when a setting changed, and caches. Links are never followed: the base model stays where it is.
Without a terminal to ask at, and without --yes, nothing is removed.
"""

import argparse
import sys
from collections.abc import Sequence

from omnitune import cleaning, errors
from omnitune.columns import aligned


def main(argv: Sequence[str] | None = None) -> int:
    """Show, ask, remove; returns the exit code."""
    args = _parser().parse_args(argv)
    found = cleaning.parts(args.run, args.only)
    if not found:
        print(f"Nothing to remove: run {args.run} has no {args.only or 'folder'} here.")
        return errors.ExitCode.OK
    cleaning.refuse_while_used(args.run)
    print(_shown(found))
    print(_price(args.run, args.only))
    if not args.yes and not _confirmed():
        print("Nothing was removed.")
        return errors.ExitCode.OK
    cleaning.refuse_while_used(args.run)  # the question may have stood there for hours
    cleaning.remove(found)
    print("Removed.")
    return errors.ExitCode.OK


def _shown(found: Sequence[cleaning.Part]) -> str:
    rows = [(f"{part.path}", _size(part.frees), part.kind) for part in found]
    total = ("in all", _size(sum(part.frees for part in found)), "")
    return "\n".join(["Would be removed:", *(f"  {line}" for line in aligned([*rows, total], right=[1]))])


def _price(run: str, only: cleaning.Only) -> str:
    unfinished = ", ".join(cleaning.unfinished(run))
    begin = f"Training of {unfinished} is not finished and would begin at step 0 again." if unfinished else ""
    if only:
        kept = (
            "Results stay, and nothing that is finished runs again. A setting that is changed, or changed back, "
        )
        return f"{kept}is trained from step 0. {begin}".rstrip()
    spare = sum(part.frees for part in cleaning.parts(run, "checkpoints"))
    hint = f" ONLY=checkpoints keeps the results and frees {_size(spare)}." if spare else ""
    return f"The next run would make all of it again, training included.{hint}"


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        print("Without a terminal, YES=1 says yes.")
        return False
    try:
        return input("Remove this? Type y: ").strip().lower() == "y"
    except EOFError:
        return False


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="clean.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", required=True, metavar="NAME", help="the run")
    parser.add_argument("--only", default="", choices=["checkpoints"], help="keep the results")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser


if __name__ == "__main__":
    errors.run(main)
