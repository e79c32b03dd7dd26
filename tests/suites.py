"""The suites of `make test-full`: tests whose full counts would make `make test` too long.

.venv/bin/python tests/suites.py SUITE [pytest arguments]
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parents[1]


class Suite(NamedTuple):
    """What is run, and the variables of the environment that ask for full counts (tests/full.py)."""

    about: str
    paths: tuple[str, ...]
    environment: dict[str, str]


SUITES = {
    "gate": Suite(
        "every bad and good row and file, in every form and at every level, planted faults, a million rows",
        (
            "tests/gate",
            "tests/unit/converters",
            "tests/unit/media",
            "tests/unit/readers",
            "tests/unit/tokens",
            "tests/unit/validation",
            "tests/scripts/test_convert.py",
            "tests/scripts/test_scale.py",
            "tests/scripts/test_split.py",
            "tests/scripts/test_validate.py",
            "tests/workflow/test_planted_faults.py",
        ),
        {},
    ),
    "fuzz": Suite(
        "bytes of rows and media changed at random, for 30 minutes",
        ("tests/gate/test_row_fuzz.py", "tests/gate/test_media_fuzz.py", "tests/gate/test_media_peers.py"),
        {"OMNITUNE_FUZZ_SECONDS": "1800"},
    ),
}


def main(argv: list[str]) -> NoReturn:
    """Hand this process over to pytest."""
    name, *more = argv or [""]
    if name not in SUITES:
        said = f"there is no suite {name!r}" if name else "SUITE is missing"
        print(f"error: {said}. Run: make test-full SUITE=name, with one of these:", file=sys.stderr)
        for known, suite in SUITES.items():
            print(f"  {known:6} {suite.about}", file=sys.stderr)
        sys.exit(2)
    suite = SUITES[name]
    os.chdir(ROOT)
    # What a person has set already, a shorter fuzz for example, is left.
    environment = {"OMNITUNE_FULL": "1", **suite.environment, **os.environ}
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *suite.paths, *more], environment)


if __name__ == "__main__":
    main(sys.argv[1:])
