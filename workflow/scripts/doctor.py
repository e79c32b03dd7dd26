"""Says what this machine has and lacks for a run: one line per check, and for each lack its fix.

ok: fine. warning: a run works, but may suffer, or only a smaller one works. lacking: mend it first.
Exit code 0 when nothing is lacking, else 1. Nothing is installed, downloaded or changed.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from omnitune import doctor, errors


def main(argv: Sequence[str] | None = None) -> int:
    """Look at the machine and print what was found; returns the exit code."""
    args = _parser().parse_args(argv)
    checks = doctor.examine(args.config)
    print(doctor.as_json(checks) if args.json else doctor.as_text(checks))
    return int(any(check.state == "lacking" for check in checks))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="doctor.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="judge by this config (again for files on top of it)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    return parser


if __name__ == "__main__":
    errors.run(main)
