"""Converted rows to accepted records and a ledger, streamed: every row gets exactly one verdict."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from omnitune import publish
from omnitune.media.probe import LIMITS, Probe, ProbeCache
from omnitune.records import Converted, LedgerRow, Record, Unread, encode, read_converted
from omnitune.validation.checks import check_record
from omnitune.validation.codes import CODES, Finding, RowError

# Findings of a probe that keep a row out; the others do no harm.
_REFUSED = {
    "E081", "E091", "E092", "E094", "E095", "E102", "E105", "E107", "E108", "E124", "E126", "E128", "E130", "E131",
    "E132", "E136", "E137", "E139", "E143", "E144",
}  # fmt: skip


class Judged(NamedTuple):
    """The verdict on a row, and its record when it is fit for use."""

    ledger: LedgerRow
    record: Record | None


class Gate:
    """Judges the rows of one file, in order.

    Args:
        path: the source file, for messages.
        use: what the rows may become, of sft, grpo and eval.
        audio_in_video: whether the sound of videos is used.
    """

    def __init__(self, path: str, use: Collection[str], audio_in_video: bool = False) -> None:
        self._path, self._use, self._audio_in_video = path, use, audio_in_video
        self._probes = ProbeCache(LIMITS)
        # 64-bit hashes: a million ids fit in about 100 MB.
        self._lines: dict[int, int] = {}

    def judge(self, row: Converted) -> Judged:
        """The verdict on one row."""
        if isinstance(row, Unread):
            row_id = row.id or f"{row.source}/{row.line:08d}"
            message = self._place(row.source, row.line, row_id) + row.message
            return Judged(LedgerRow(row.source, row.line, row_id, "rejected", [row.error], message), None)
        findings = [*check_record(row, self._use), *self._check_id(row)]
        # Files cost the most, so they are opened last.
        findings = findings or list(self._check_media(row))
        place = self._place(row.source, row.line, row.id)
        if findings:
            message = place + " ".join(finding.sentence() for finding in findings)
            codes = list(dict.fromkeys(finding.code for finding in findings))
            return Judged(LedgerRow(row.source, row.line, row.id, "rejected", codes, message), None)
        if row.repairs:
            codes = list(dict.fromkeys(row.repairs))
            message = f"{place}put right: {', '.join(CODES[code].name for code in codes)}."
            return Judged(LedgerRow(row.source, row.line, row.id, "repaired", codes, message), row)
        return Judged(LedgerRow(row.source, row.line, row.id, "accepted"), row)

    def _place(self, source: str, line: int, row_id: str) -> str:
        """`data/train.jsonl:37 (id a17): `; an id made from the line says nothing new and is left out."""
        own = row_id.removeprefix(f"{source}/")
        named = "" if own == f"{line:08d}" else f" (id {own})"
        return f"{self._path}:{line}{named}: "

    def _check_id(self, record: Record) -> Iterator[Finding]:
        first = self._lines.setdefault(hash(record.id), record.line)
        if first != record.line:
            yield Finding("E055", f"the id is used at line {first} already")

    def _check_media(self, record: Record) -> Iterator[Finding]:
        for modality, path in record.media():
            try:
                probe = self._probes.probe(modality, path)
            except RowError as error:
                yield error.finding
            else:
                yield from self._check_probe(probe, path)

    def _check_probe(self, probe: Probe, path: str) -> Iterator[Finding]:
        yield from (finding for finding in probe.findings if finding.code in _REFUSED)
        if self._audio_in_video and probe.modality == "video" and not probe.has_audio:
            yield Finding("E140", f"{path} has no audio track, but media.audio_in_video is true")


def validate_file(gate: Gate, converted: Path, output: Path, ledger: Path) -> dict[str, int]:
    """Judge every row of `converted`; accepted records go to `output`, verdicts to `ledger`.

    Returns:
        The number of rows by verdict.
    """
    read, counts = 0, {"accepted": 0, "repaired": 0, "rejected": 0, "duplicate": 0}
    # The ledger appears before the records: whoever sees the records finds a verdict on each.
    with publish.open_atomic(output) as records, publish.open_atomic(ledger) as verdicts:
        for row in read_converted(converted):
            read += 1
            verdict, record = gate.judge(row)
            counts[verdict.verdict] += 1
            verdicts.write(encode(verdict))
            if record is not None:
                records.write(encode(record))
    if sum(counts.values()) != read:
        raise AssertionError(f"{read} rows in, {counts} out")
    return counts
