"""How much a test does: one case of each kind in `make test`, full counts in `make test-full`.

OMNITUNE_FULL=1 asks for full counts. OMNITUNE_FUZZ_SECONDS is what all fuzz tests together may take (45), and
OMNITUNE_FUZZ_SEED the number of their first draw (17): the number that a failure names draws the same again.
"""

import os
from typing import TypeVar

Count = TypeVar("Count")

FULL = os.environ.get("OMNITUNE_FULL") == "1"
FUZZ_SECONDS = float(os.environ.get("OMNITUNE_FUZZ_SECONDS", "45"))
FUZZ_SEED = int(os.environ.get("OMNITUNE_FUZZ_SEED", "17"))


def full(few: Count, all: Count) -> Count:
    """`few` in `make test`, `all` in `make test-full`."""
    return all if FULL else few
