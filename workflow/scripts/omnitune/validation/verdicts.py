"""From what was found in a row to its line of the ledger."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from omnitune.errors import ExitCode, PipelineError
from omnitune.records import Converted, LedgerRow, Record, Verdict
from omnitune.validation.codes import CODES, OF_FILE, Finding
from omnitune.validation.media import Seen
from omnitune.validation.policy import Policy


class Judged(msgspec.Struct, gc=False):
    """The verdict on a row, its record when it is fit for use, and the reasons or else the warnings."""

    ledger: LedgerRow
    record: Record | None
    findings: Sequence[Finding] = ()


class Case(msgspec.Struct, gc=False):
    """A row on its way to a verdict.

    Attributes:
        row: as it is to be used.
        findings: what was found so far.
        media: what is known of its media.
    """

    row: Converted
    findings: list[Finding]
    media: list[Seen] = []

    def record(self) -> Record:
        """The row, which is known to be one."""
        assert isinstance(self.row, Record)
        return self.row


class Verdicts:
    """Writes the ledger's lines, in the order of a file's rows.

    Args:
        path: the source file, for messages.
        policy: what is done about each kind of finding.
    """

    def __init__(self, path: str, policy: Policy) -> None:
        self._path, self._policy = path, policy
        self._of_file: dict[str, str] = {}

    def on(self, case: Case) -> Judged:
        """The verdict on a row.

        Raises:
            PipelineError: when something was found that `validate.policy` answers with `fail`.
        """
        row = case.row
        remarks = case.findings or self._of_file or (case.media and self._mended(case))
        if not remarks and isinstance(row, Record) and not row.repairs:
            return Judged(LedgerRow(row.source, row.line, row.id, "accepted"), row)
        refusals = self._policy.refusals(case.findings)
        row_id = row.id or f"{row.source}/{row.line:08d}"
        place = self._place(row.source, row.line, row_id)
        self._stop(refusals, place)
        if not refusals and isinstance(row, Record):
            return self._used(case, row, place)
        refusals = refusals or case.findings
        if isinstance(row, Record):
            # What is true of the whole file is not lost with its first row.
            self._of_file |= {code: row.found[code] for code in OF_FILE if code in row.found}
        # What would have been put right is a code of the row after its reasons, and none of them.
        rest = [finding for finding in case.findings if self._policy.action(finding.code) == "repair"]
        codes, words = _codes([*refusals, *rest]), _words(refusals)
        return Judged(LedgerRow(row.source, row.line, row_id, "rejected", codes, place + words), None, refusals)

    def _used(self, case: Case, row: Record, place: str) -> Judged:
        found, converted = self._of_file | row.found, dict.fromkeys([*self._of_file, *row.repairs])
        self._of_file, row.found = {}, {}
        converted = {code: None for code in converted if self._policy.action(code) == "repair"}
        warnings = [finding for finding in case.findings if self._policy.action(finding.code) == "warn"]
        mended = self._mended(case)
        words = [f"put right: {_told(converted, found)}."] if converted else []
        words += [seen.words() for seen in mended]
        words += [f"warning: {_words(warnings)}"] if warnings else []
        repairs = list(dict.fromkeys([*converted, *(code for seen in mended for code in seen.repairs)]))
        message = place + " ".join(words) if words else ""
        verdict: Verdict = "repaired" if repairs else "accepted"
        codes = list(dict.fromkeys([*repairs, *_codes(warnings)]))
        return Judged(LedgerRow(row.source, row.line, row.id, verdict, codes, message), row, warnings)

    def _mended(self, case: Case) -> list[Seen]:
        """The row's media that were put right, each once."""
        return list(dict.fromkeys(seen for seen in case.media if seen.repairs))

    def _stop(self, refusals: Iterable[Finding], place: str) -> None:
        for finding in refusals:
            if self._policy.action(finding.code) == "fail":
                raise PipelineError(
                    f"{finding.sentence()} The run stops here by validate.policy.{finding.code}: fail",
                    where=place.removesuffix(": "),
                    code=ExitCode.DATA,
                )

    def _place(self, source: str, line: int, row_id: str) -> str:
        """`data/train.jsonl:37 (id a17): `; an id made from the line says nothing new and is left out."""
        own = row_id.removeprefix(f"{source}/")
        named = "" if own == f"{line:08d}" else f" (id {own})"
        return f"{self._path}:{line}{named}: "


def _told(repairs: Iterable[str], found: Mapping[str, str]) -> str:
    """`media list malformed ("audios" is one path, not a list)`, for each repair."""
    return ", ".join(CODES[code].name + (f" ({found[code]})" if found.get(code) else "") for code in repairs)


def _codes(findings: Iterable[Finding]) -> list[str]:
    return list(dict.fromkeys(finding.code for finding in findings))


def _words(findings: Iterable[Finding]) -> str:
    return " ".join(finding.sentence() for finding in findings)
