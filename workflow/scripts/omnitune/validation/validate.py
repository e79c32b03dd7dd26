"""Converted rows to good records and a ledger, streamed: every row gets exactly one verdict."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from omnitune import publish
from omnitune.config.validate import ValidateConfig
from omnitune.errors import ExitCode, PipelineError
from omnitune.media.inspect import Inspector
from omnitune.media.mend import Mender
from omnitune.records import Converted, Facts, LedgerRow, Record, Unread, encode, read_converted
from omnitune.validation.checks import check_record
from omnitune.validation.codes import CODES, Finding
from omnitune.validation.media import MediaJudge, Seen
from omnitune.validation.policy import Policy

# Rows judged together: enough for processes that read media to have work, few enough for flat memory.
BATCH = 512


class Judged(NamedTuple):
    """The verdict on a row, and its record when it is fit for use."""

    ledger: LedgerRow
    record: Record | None


class Gate:
    """Judges the rows of one file, in order; a context manager, which ends the processes that read media.

    Args:
        path: the source file, for messages.
        use: what the rows may become, of sft, grpo and eval.
        settings: how far media are read, and what is done about each kind of finding.
        media_dir: where media that are put right are written; None: they are left as they are.
        audio_in_video: whether the sound of videos is used.
        cache: where what is found out about media is kept over runs; None: nowhere.
    """

    def __init__(
        self,
        path: str,
        use: Collection[str],
        settings: ValidateConfig | None = None,
        media_dir: Path | None = None,
        audio_in_video: bool = False,
        cache: Path | None = None,
    ) -> None:
        self._path, self._use = path, use
        settings = settings or ValidateConfig()
        self._policy, self._inspector = Policy(settings.policy), Inspector(settings, cache)
        longest = max(settings.audio_max_seconds, settings.video_max_seconds)
        mender = Mender(media_dir, longest) if media_dir else None
        self._media = MediaJudge(self._policy, self._inspector, mender, audio_in_video)
        # 64-bit hashes: a million ids fit in about 100 MB.
        self._lines: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._inspector.close()

    def judge(self, rows: Sequence[Converted]) -> list[Judged]:
        """The verdicts on the next rows, in their order.

        Raises:
            PipelineError: when a row has something that `validate.policy` answers with `fail`.
        """
        cases = [_Case(row, list(self._findings(row))) for row in rows]
        # Files cost the most, so those of a row that is refused already are not opened.
        open_cases = [case for case in cases if not self._refusals(case.findings)]
        media = [medium for case in open_cases for medium in case.record().media()]
        seen = iter(self._media.look(media))
        for case in open_cases:
            case.add(list(islice(seen, len(list(case.record().media())))))
        return [self._verdict(case) for case in cases]

    def _findings(self, row: Converted) -> Iterator[Finding]:
        if isinstance(row, Unread):
            yield Finding(row.error, "", row.message)
            return
        for code in dict.fromkeys(row.repairs):
            if self._policy.action(code) != "repair":
                yield Finding(code, CODES[code].name)
        yield from check_record(row, self._use)
        first = self._lines.setdefault(hash(row.id), row.line)
        if first != row.line:
            yield Finding("E055", f"the id is used at line {first} already")

    def _refusals(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that keep a row from being used."""
        return list(filter(self._policy.refuses, findings))

    def _verdict(self, case: "_Case") -> Judged:
        row, refusals = case.row, self._refusals(case.findings)
        row_id = row.id or f"{row.source}/{row.line:08d}"
        place = self._place(row.source, row.line, row_id)
        for finding in refusals:
            if self._policy.action(finding.code) == "fail":
                raise PipelineError(
                    f"{finding.sentence()} The run stops here by validate.policy.{finding.code}: fail",
                    where=place.removesuffix(": "),
                    code=ExitCode.DATA,
                )
        if refusals or isinstance(row, Unread):
            ledger = LedgerRow(
                row.source, row.line, row_id, "rejected", _codes(refusals), place + _words(refusals)
            )
            return Judged(ledger, None)
        warnings = [finding for finding in case.findings if self._policy.action(finding.code) == "warn"]
        converted = dict.fromkeys(row.repairs)
        words = [f"put right: {', '.join(CODES[code].name for code in converted)}."] if converted else []
        words += [sentence for seen in case.media if (sentence := seen.words())]
        words += [f"warning: {_words(warnings)}"] if warnings else []
        repairs = [*converted, *(code for seen in case.media for code in seen.repairs)]
        codes = list(dict.fromkeys([*repairs, *_codes(warnings)]))
        message = place + " ".join(words) if words else ""
        ledger = LedgerRow(row.source, row.line, row_id, "repaired" if repairs else "accepted", codes, message)
        return Judged(ledger, row)

    def _place(self, source: str, line: int, row_id: str) -> str:
        """`data/train.jsonl:37 (id a17): `; an id made from the line says nothing new and is left out."""
        own = row_id.removeprefix(f"{source}/")
        named = "" if own == f"{line:08d}" else f" (id {own})"
        return f"{self._path}:{line}{named}: "


class _Case:
    """A row on its way to a verdict, with what was found."""

    def __init__(self, row: Converted, findings: list[Finding]) -> None:
        self.row, self.findings, self.media = row, findings, list[Seen]()

    def record(self) -> Record:
        assert isinstance(self.row, Record)
        return self.row

    def add(self, media: Sequence[Seen]) -> None:
        """Add what was found out about the row's media; it uses those that were made of them."""
        self.media = list(dict.fromkeys(media))
        self.findings += [finding for seen in self.media for finding in seen.inspection.findings]
        paths: dict[str, list[str]] = {}
        for seen in media:
            paths.setdefault(f"{seen.modality}s", []).append(seen.path)
        facts = Facts(media=[seen.facts() for seen in media])
        self.row = msgspec.structs.replace(self.record(), facts=facts, **paths)


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
            for verdict, record in gate.judge(batch):
                counts[verdict.verdict] += 1
                verdicts.write(encode(verdict))
                if record is not None:
                    records.write(encode(record))
    if sum(counts.values()) != read:
        raise AssertionError(f"{read} rows in, {counts} out")
    return counts
