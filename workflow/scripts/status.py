"""Says how the runs of this folder stand: stages at work with step, loss and time left, stalled, dead, done ones.

Reads files only: it works beside a run, after a crash, and for jobs on other machines that share the folder.
"""

import argparse
from collections.abc import Sequence

from omnitune import errors, status


def main(argv: Sequence[str] | None = None) -> int:
    """Look and print; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="status.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", default="", metavar="NAME", help="of this run only")
    parser.add_argument("--watch", action="store_true", help="look again every two seconds, until Ctrl-C")
    args = parser.parse_args(argv)
    if args.watch:
        status.watch(lambda: status.examine(args.run))
    else:
        print(status.as_text(status.examine(args.run)))
    return errors.ExitCode.OK


if __name__ == "__main__":
    errors.run(main)
