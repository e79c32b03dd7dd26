"""Converted rows to good records and a ledger, streamed: every row gets exactly one verdict."""

import os
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Self

from omnitune import publish
from omnitune.config.validate import ValidateConfig
from omnitune.media.inspect import Inspector
from omnitune.media.mender import Mender
from omnitune.readers import parts
from omnitune.records import Converted, Facts, Unread, encode_lines, read_converted
from omnitune.validation.checks import check_record
from omnitune.validation.codes import CODES, Finding
from omnitune.validation.media import MediaJudge, Seen
from omnitune.validation.policy import Policy
from omnitune.validation.verdicts import Case, Judged, Verdicts

if TYPE_CHECKING:
    from omnitune.validation.lengths import LengthCheck

# Rows judged together: enough for processes that read media to have work, few enough for flat memory; where none
# read, few enough for the processor's cache.
_BATCH, _BATCH_OF_HEADERS = 512, 128


class Gate:
    """Judges the rows of one file, in order; a context manager, which ends the processes that read media.

    Args:
        path: the source file, for messages.
        use: what the rows may become, of sft, grpo and eval.
        settings: how far media are read, and what is done about each kind of finding.
        media_dir: where media that are put right are written; None: they are left as they are.
        carried: where the convert stage wrote media that rows hold in themselves; messages name them by their row.
        audio_in_video: whether the sound of videos is used.
        need_solution: whether a reward of GRPO compares with a solution.
        lengths: counts tokens and holds them against the limits; None: they are not counted.
        cache: where what is found out about media is kept over runs; None: nowhere.
        ids: whether ids that are used twice are looked for; memory then grows with the rows, and the split finds
            them over all files.

    Attributes:
        batch: how many rows are best judged together.
    """

    def __init__(
        self,
        path: str,
        use: Collection[str],
        settings: ValidateConfig | None = None,
        media_dir: Path | None = None,
        *,
        carried: Path | None = None,
        audio_in_video: bool = False,
        need_solution: bool = False,
        lengths: "LengthCheck | None" = None,
        cache: Path | None = None,
        ids: bool = True,
    ) -> None:
        settings = settings or ValidateConfig()
        self.batch = _BATCH_OF_HEADERS if settings.media == "header" else _BATCH
        self._use, self._need_solution, self._lengths = use, need_solution, lengths
        self._policy, self._inspector = Policy(settings.policy), Inspector(settings, cache)
        self._private = self._policy.action("E214") != "ignore"
        self._mender = Mender(media_dir, settings) if media_dir else None
        fetch = None
        if media_dir and settings.urls:
            # Few runs need what it takes to talk to servers.
            from omnitune.media.fetch import Fetcher

            fetch = Fetcher(media_dir, settings.urls).fetch
        self._media = MediaJudge(self._policy, self._inspector, self._mender, audio_in_video, fetch)
        self._carried = f"{os.path.realpath(carried)}/" if carried else ""
        self._verdicts = Verdicts(path, self._policy)
        # 64-bit hashes: a million ids fit in about 100 MB.
        self._lines: dict[int, int] | None = {} if ids else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._inspector.close()
        if self._mender:
            self._mender.close()

    def judge(self, rows: Sequence[Converted]) -> list[Judged]:
        """The verdicts on the next rows, in their order.

        Raises:
            PipelineError: when a row has something that `validate.policy` answers with `fail`.
        """
        cases = [Case(row, self._findings(row)) for row in rows]
        # Files cost the most, so those of a row that is refused already are not opened.
        fit = self._fit(cases)
        self._look_into_media(fit)
        if self._lengths:
            self._lengths.measure(self._fit(fit))
        return [self._verdicts.on(case) for case in cases]

    def _fit(self, cases: Iterable[Case]) -> list[Case]:
        """Those that nothing speaks against so far; a policy that lets a finding pass makes no record of a row."""
        return [
            case
            for case in cases
            if not (case.findings and (isinstance(case.row, Unread) or self._policy.refusals(case.findings)))
        ]

    def _findings(self, row: Converted) -> list[Finding]:
        if isinstance(row, Unread):
            return [Finding(row.error, "", row.message)]
        findings = check_record(row, self._use, self._need_solution, self._private)
        for code in row.repairs:
            if self._policy.action(code) != "repair":
                findings.append(Finding(code, row.found.get(code, CODES[code].name)))
        if self._lines is not None and (first := self._lines.setdefault(hash(row.id), row.line)) != row.line:
            findings.append(Finding("E211", f"the id is used at line {first} already"))
        return findings

    def _look_into_media(self, cases: Sequence[Case]) -> None:
        """Add what is found out about the rows' media; rows use those that were made of them."""
        shown = []
        for case in cases:
            record = case.record()
            record.facts = Facts()
            if own := record.media():
                shown.append((case, own))
        if not shown:
            return
        seen = iter(self._media.look([medium for _, own in shown for medium in own]))
        for case, own in shown:
            record = case.record()
            case.media = [self._named(next(seen), *medium, own) for medium in own]
            case.findings += [found for one in dict.fromkeys(case.media) for found in one.inspection.findings]
            record.facts = Facts(media=[one.facts() for one in case.media])
            paths: dict[str, list[str]] = {}
            for one in case.media:
                paths.setdefault(f"{one.modality}s", []).append(one.path)
            for name, value in paths.items():
                setattr(record, name, value)

    def _named(self, seen: Seen, modality: str, path: str, own: Sequence[tuple[str, str]]) -> Seen:
        """A medium that its row holds in itself is told by its place there: nobody knows its file."""
        if not (self._carried and path.startswith(self._carried)):
            return seen
        number = [given for kind, given in own if kind == modality].index(path) + 1
        return seen.called(f"{modality} {number} of the row")


def validate_file(gate: Gate, converted: Path, output: Path, ledger: Path) -> dict[str, int]:
    """Judge every row of `converted`; good records go to `output`, verdicts to `ledger`.

    Returns:
        The number of rows by verdict.
    """
    read, counts = 0, {"accepted": 0, "repaired": 0, "rejected": 0, "duplicate": 0}
    rows = read_converted(converted)
    parts.forget(output)
    # The ledger appears before the records: whoever sees the records finds a verdict on each.
    with publish.open_atomic(output) as records, publish.open_atomic(ledger) as verdicts:
        while batch := list(islice(rows, gate.batch)):
            read += len(batch)
            judged = gate.judge(batch)
            for row in judged:
                counts[row.ledger.verdict] += 1
            verdicts.write(encode_lines([row.ledger for row in judged]))
            records.write(encode_lines([row.record for row in judged if row.record is not None]))
    if sum(counts.values()) != read:
        raise AssertionError(f"{read} rows in, {counts} out")
    parts.pass_on(converted, output)
    return counts
