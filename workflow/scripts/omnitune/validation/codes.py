"""What was found in a row: a code of the catalogue, and what it was here."""

from typing import NamedTuple

from omnitune.validation.actions import Action, Code
from omnitune.validation.catalogue import CODES

__all__ = ["CODES", "OF_FILE", "Action", "Code", "Finding", "RowError"]

# True of a whole file and noted on its first row, whatever becomes of that.
OF_FILE = ("E003", "E004", "E005", "E006", "E012")


class Finding(NamedTuple):
    """One thing that is wrong: its code, what was found, and a remedy when the code's own does not fit."""

    code: str
    what: str
    fix: str = ""

    def sentence(self) -> str:
        """What was found and what to do."""
        fix = self.fix or CODES[self.code].fix
        return f"{self.what}. {fix}" if self.what else fix


class RowError(Exception):
    """Stops the work on one row; the row keeps its place as rejected."""

    def __init__(self, code: str, what: str, fix: str = "") -> None:
        self.finding = Finding(code, what, fix)
        super().__init__(self.finding.sentence())
