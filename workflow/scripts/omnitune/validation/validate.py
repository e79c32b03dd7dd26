"""Converted rows to good records and a ledger, streamed: every row gets exactly one verdict."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from omnitune import publish
from omnitune.config.validate import ValidateConfig
from omnitune.errors import ExitCode, PipelineError
from omnitune.media.inspect import Inspection, Inspector
from omnitune.media.mend import Mender
from omnitune.records import (
    Converted,
    Facts,
    LedgerRow,
    Medium,
    Record,
    Unread,
    Verdict,
    encode_lines,
    read_converted,
)
from omnitune.validation.checks import check_record
from omnitune.validation.codes import CODES, OF_FILE, Finding, RowError
from omnitune.validation.policy import Policy

# Rows judged together: enough for processes that read media to have work, few enough for flat memory.
BATCH = 512


class Judged(NamedTuple):
    """The verdict on a row, its record when it is fit for use, and all that was found in it."""

    ledger: LedgerRow
    record: Record | None
    findings: Sequence[Finding] = ()


class Gate:
    """Judges the rows of one file, in order.

    Args:
        path: the source file, for messages.
        use: what the rows may become, of sft, grpo and eval.
        settings: how far media are read, and what is done about each kind of finding.
        media_dir: where media that are put right are written; None: they are left as they are.
        audio_in_video: whether the sound of videos is used.
        need_solution: whether a reward of GRPO compares with a solution.
    """

    def __init__(
        self,
        path: str,
        use: Collection[str],
        settings: ValidateConfig | None = None,
        media_dir: Path | None = None,
        audio_in_video: bool = False,
        need_solution: bool = False,
    ) -> None:
        self._path, self._use, self._audio_in_video = path, use, audio_in_video
        self._need_solution = need_solution
        settings = settings or ValidateConfig()
        self._policy, self._inspector = Policy(settings.policy), Inspector(settings)
        self._private = self._policy.action("E214") != "ignore"
        self._mender = Mender(media_dir) if media_dir else None
        # 64-bit hashes: a million ids fit in about 100 MB.
        self._lines: dict[int, int] = {}
        self._of_file: dict[str, str] = {}

    def judge(self, rows: Sequence[Converted]) -> list[Judged]:
        """The verdicts on the next rows, in their order.

        Raises:
            PipelineError: when a row has something that `validate.policy` answers with `fail`.
        """
        cases = [_Case(row, self._findings(row)) for row in rows]
        # Files cost the most, so those of a row that is refused already are not opened.
        open_cases = [case for case in cases if not (case.findings and self._refusals(case.findings))]
        media = [case.record().media() for case in open_cases]
        inspections = iter(self._inspector.inspect([medium for row in media for medium in row]))
        for case, own in zip(open_cases, media, strict=True):
            case.record().facts = Facts()
            if own:
                self._look_into(case, list(islice(inspections, len(own))))
        return [self._verdict(case) for case in cases]

    def _findings(self, row: Converted) -> list[Finding]:
        if isinstance(row, Unread):
            return [Finding(row.error, "", row.message)]
        findings = check_record(row, self._use, self._need_solution, self._private)
        for code in row.repairs:
            if self._policy.action(code) != "repair":
                findings.append(Finding(code, row.found.get(code, CODES[code].name)))
        first = self._lines.setdefault(hash(row.id), row.line)
        if first != row.line:
            findings.append(Finding("E211", f"the id is used at line {first} already"))
        return findings

    def _look_into(self, case: "_Case", inspections: Sequence[Inspection]) -> None:
        """Add what was found out about the row's media; those to be put right are replaced."""
        facts = case.record().facts = Facts()
        paths: dict[str, list[str]] = {}
        for (modality, path), inspection in zip(case.record().media(), inspections, strict=True):
            origin, path, seen = path, *self._mended(case, modality, path, inspection)
            case.findings += self._medium_findings(path, seen)
            paths.setdefault(f"{modality}s", []).append(path)
            facts.media.append(_medium(modality, seen, origin if origin != path else ""))
        for name, value in paths.items():
            setattr(case.record(), name, value)

    def _medium_findings(self, path: str, inspection: Inspection) -> Iterator[Finding]:
        yield from inspection.findings
        probe = inspection.probe
        if self._audio_in_video and probe and probe.modality == "video" and not probe.has_audio:
            yield Finding("E140", f"{path} has no audio track, but media.audio_in_video is true")

    def _mended(self, case: "_Case", modality: str, path: str, inspection: Inspection) -> tuple[str, Inspection]:
        """The medium as it shall be used: itself, or what was made of it."""
        faults = [finding for finding in inspection.findings if self._policy.action(finding.code) == "repair"]
        if not faults or len(self._refusals(inspection.findings)) > len(faults):
            return path, inspection
        others = tuple(finding for finding in inspection.findings if finding not in faults)
        case.repairs += [fault.code for fault in faults]
        if self._mender is None:
            return path, inspection._replace(findings=others)
        try:
            mended = self._mender.mend(modality, path, inspection)
        except RowError as error:
            return path, inspection._replace(findings=(*inspection.findings, error.finding))
        (seen,) = self._inspector.inspect([(modality, mended)])
        return mended, seen._replace(findings=(*others, *seen.findings))

    def _refusals(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that keep a row from being used: also what should be repaired, as long as it is not."""
        return [finding for finding in findings if self._policy.action(finding.code) not in ("warn", "ignore")]

    def _verdict(self, case: "_Case") -> Judged:
        row = case.row
        if not (case.findings or case.repairs or self._of_file) and isinstance(row, Record) and not row.repairs:
            return Judged(LedgerRow(row.source, row.line, row.id, "accepted"), row)
        refusals = self._refusals(case.findings)
        row_id = row.id or f"{row.source}/{row.line:08d}"
        place = self._place(row.source, row.line, row_id)
        for finding in refusals:
            if self._policy.action(finding.code) == "fail":
                answer = f"validate.policy.{finding.code}"
                by_default = CODES[finding.code].actions[0] == "fail"
                why = f"; {answer}: reject goes on without such rows" if by_default else f" by {answer}: fail"
                raise PipelineError(
                    f"{finding.sentence()} The run stops here{why}",
                    where=place.removesuffix(": "),
                    code=ExitCode.DATA,
                )
        if refusals or isinstance(row, Unread):
            refusals = refusals or case.findings
            if isinstance(row, Record):
                # What is true of the whole file is not lost with its first row.
                self._of_file |= {code: row.found[code] for code in OF_FILE if code in row.found}
            ledger = LedgerRow(
                row.source, row.line, row_id, "rejected", _codes(refusals), place + _words(refusals)
            )
            return Judged(ledger, None, case.findings)
        found = self._of_file | row.found | dict.fromkeys(case.repairs, "")
        codes = dict.fromkeys([*self._of_file, *row.repairs, *case.repairs])
        self._of_file, row.found = {}, {}
        repairs = [code for code in codes if self._policy.action(code) == "repair"]
        warnings = [finding for finding in case.findings if self._policy.action(finding.code) == "warn"]
        words = [f"put right: {_told(repairs, found)}."] if repairs else []
        words += [f"warning: {_words(warnings)}"] if warnings else []
        message = place + " ".join(words) if words else ""
        verdict: Verdict = "repaired" if repairs else "accepted"
        ledger = LedgerRow(row.source, row.line, row_id, verdict, [*repairs, *_codes(warnings)], message)
        return Judged(ledger, row, case.findings)

    def _place(self, source: str, line: int, row_id: str) -> str:
        """`data/train.jsonl:37 (id a17): `; an id made from the line says nothing new and is left out."""
        own = row_id.removeprefix(f"{source}/")
        named = "" if own == f"{line:08d}" else f" (id {own})"
        return f"{self._path}:{line}{named}: "


class _Case:
    """A row on its way to a verdict, with what was found."""

    __slots__ = ("findings", "repairs", "row")

    def __init__(self, row: Converted, findings: list[Finding]) -> None:
        self.row, self.findings, self.repairs = row, findings, list[str]()

    def record(self) -> Record:
        assert isinstance(self.row, Record)
        return self.row


def _medium(modality: str, inspection: Inspection, origin: str) -> Medium:
    probe = inspection.probe
    size = (probe.width, probe.height, probe.duration) if probe else (0, 0, 0.0)
    return Medium(modality, *size, digest=inspection.digest, content=inspection.content, origin=origin)


def _told(repairs: Iterable[str], found: Mapping[str, str]) -> str:
    """`media list malformed ("audios" is one path, not a list)`, for each repair."""
    return ", ".join(CODES[code].name + (f" ({found[code]})" if found.get(code) else "") for code in repairs)


def _codes(findings: Iterable[Finding]) -> list[str]:
    return list(dict.fromkeys(finding.code for finding in findings))


def _words(findings: Iterable[Finding]) -> str:
    return " ".join(finding.sentence() for finding in findings)


def validate_file(gate: Gate, converted: Path, output: Path, ledger: Path) -> dict[str, int]:
    """Judge every row of `converted`; good records go to `output`, verdicts to `ledger`.

    Returns:
        The number of rows by verdict.
    """
    read, counts = 0, {"accepted": 0, "repaired": 0, "rejected": 0, "duplicate": 0}
    rows = read_converted(converted)
    # The ledger appears before the records: whoever sees the records finds a verdict on each.
    with publish.open_atomic(output) as records, publish.open_atomic(ledger) as verdicts:
        while batch := list(islice(rows, BATCH)):
            read += len(batch)
            judged = gate.judge(batch)
            for row in judged:
                counts[row.ledger.verdict] += 1
            verdicts.write(encode_lines([row.ledger for row in judged]))
            records.write(encode_lines([row.record for row in judged if row.record is not None]))
    if sum(counts.values()) != read:
        raise AssertionError(f"{read} rows in, {counts} out")
    return counts
