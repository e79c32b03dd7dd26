"""The verdicts of a source, counted, with an example of each reason; and when there are too many."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from omnitune.errors import ExitCode, PipelineError
from omnitune.records import LedgerRow
from omnitune.validation.codes import CODES

_TOP = 5


class Tally:
    """Counts the verdicts on one source."""

    def __init__(self) -> None:
        self.verdicts = Counter[str]()
        self.codes = Counter[str]()
        self.splits = Counter[str]()
        self._reasons = Counter[str]()
        self._examples: dict[str, str] = {}

    def add(self, row: LedgerRow) -> None:
        """Count one row of the ledger."""
        self.verdicts[row.verdict] += 1
        # Most rows have no code and one file: Counter.update would cost more than reading the row.
        for code in row.codes:
            self.codes[code] += 1
        for split in row.split:
            self.splits[split] += 1
        if row.verdict == "rejected" and row.codes:
            self._reasons[row.codes[0]] += 1
            self._examples.setdefault(row.codes[0], row.message)

    def revoke(self, verdict: str, row: LedgerRow) -> None:
        """Count a row anew that was counted with another verdict."""
        self.verdicts[verdict] -= 1
        self.add(row)

    def read(self) -> int:
        """The number of rows."""
        return self.verdicts.total()

    def usable(self) -> int:
        """The number of rows that are accepted, as they are or repaired."""
        return self.verdicts["accepted"] + self.verdicts["repaired"]

    def reasons(self) -> str:
        """The most frequent reasons for rejection, one indented line each."""
        return "".join(
            f"\n  {count} x {CODES[code].name} ({code}): {self._examples[code]}"
            for code, count in sorted(self._reasons.items(), key=lambda item: (-item[1], item[0]))[:_TOP]
        )

    def summary(self) -> dict[str, Any]:
        """The counts for the manifest."""
        verdicts = {name: self.verdicts[name] for name in ("accepted", "repaired", "rejected", "duplicate")}
        splits = {name: self.splits[name] for name in ("train", "val", "test", "grpo")}
        return {"read": self.read(), **verdicts, "codes": dict(self.codes), **splits}


def refuse_bad_sources(tallies: Mapping[str, Tally], max_rejected: float) -> None:
    """Stop when a source has no usable row, or a larger share of rejected ones than is allowed."""
    complaints = []
    for name, tally in tallies.items():
        read, rejected = tally.read(), tally.verdicts["rejected"]
        if not read:
            complaints.append(f"sources.{name}: has no rows.")
        elif not tally.usable():
            complaints.append(f"sources.{name}: none of its {read} rows can be used:{tally.reasons()}")
        elif rejected > max_rejected * read:
            share = f"{100 * rejected / read:.1f} %, allowed are {100 * max_rejected:g} %"
            complaints.append(
                f"sources.{name}: {rejected} of {read} rows are rejected ({share}):{tally.reasons()}"
            )
    if complaints:
        fix = "Mend the rows (the ledger lists them all), or raise validate.max_rejected."
        raise PipelineError("\n".join(complaints), fix=f"\n{fix}", code=ExitCode.DATA)
