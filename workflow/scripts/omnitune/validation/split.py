"""Validated records to train, val, test and grpo: by media group, streamed, with a ledger and a manifest.

VERSION is what the split's results depend on: raise it only when they would change.
"""

import hashlib
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from omnitune import publish
from omnitune.errors import ExitCode, PipelineError
from omnitune.records import LedgerRow, Record, encode, read_ledger, read_records
from omnitune.rewards.call import COLUMNS
from omnitune.validation.assignment import FILES, Assignment, ValidSource, read_numbered
from omnitune.validation.codes import CODES
from omnitune.validation.groups import Draw
from omnitune.validation.tally import Tally, refuse_bad_sources

VERSION = 2
_HELD_OUT_CODE = "E206"


class Rules(NamedTuple):
    """The draw, and the limits that stop the run."""

    draw: Draw
    max_rejected: float
    need_train: bool
    need_test: bool


def split_sources(
    sources: Sequence[ValidSource], roots: Sequence[Path], rules: Rules, output: Path
) -> dict[str, Any]:
    """Write train, val, test and grpo, the ledger and, last, the manifest; returns the manifest."""
    _refuse_useless(sources)
    refuse_bad_sources({source.name: _tally(source) for source in sources}, rules.max_rejected)
    assignment = Assignment(sources, roots, rules.draw)
    _refuse_empty(assignment, rules)
    manifest = publish_split(sources, assignment, output)
    manifest |= rules.draw._asdict()
    publish.write_json(output / publish.MANIFEST, manifest)
    return manifest


def publish_split(sources: Sequence[ValidSource], assignment: Assignment, output: Path) -> dict[str, Any]:
    """Write every file but the manifest, and return what that says of them."""
    counts = _Counts(sources)
    leaders = set(assignment.leaders)
    with ExitStack() as stack:
        names = [*FILES, "ledger"]
        files = {name: _File(stack.enter_context(publish.open_atomic(output / f"{name}.jsonl"))) for name in names}
        for number, leader in read_numbered(sources, assignment.leaders):
            for name in assignment.files(number):
                files[name].write(_row(leader, name))
        number = 0
        for source, verdict, record in _judged_rows(sources):
            if record is not None:
                verdict.split = list(assignment.files(number))
                if not verdict.split:
                    verdict = _held_out(source, verdict)
                for name in verdict.split:
                    counts.add(record, name)
                    if number not in leaders:
                        files[name].write(_row(record, name))
                number += 1
            files["ledger"].write(encode(verdict))
            counts.sources[source.name].add(verdict)
        # The old manifest speaks of the old files: it goes before the new ones appear.
        (output / publish.MANIFEST).unlink(missing_ok=True)
    return {
        "version": VERSION,
        "files": {f"{name}.jsonl": file.summary() for name, file in files.items()},
        **counts.summary(),
    }


class _File:
    """A file being written, with its checksum and number of rows."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest, self._rows = file, hashlib.sha256(), 0

    def write(self, line: bytes) -> None:
        self._file.write(line)
        self._digest.update(line)
        self._rows += 1

    def summary(self) -> dict[str, Any]:
        return {"sha256": self._digest.hexdigest(), "rows": self._rows}


class _Counts:
    """What the manifest says about sources, tasks and modalities."""

    def __init__(self, sources: Sequence[ValidSource]) -> None:
        self.sources = {source.name: Tally() for source in sources}
        self._tasks: dict[str, Counter[str]] = defaultdict(Counter)
        self._modalities: dict[str, Counter[str]] = defaultdict(Counter)
        self._solutions = 0

    def add(self, record: Record, split: str) -> None:
        self._solutions += split == "grpo" and record.answer() is not None
        self._tasks[record.task][split] += 1
        self._modalities[record.modality()][split] += 1

    def summary(self) -> dict[str, Any]:
        return {
            "sources": {name: tally.summary() for name, tally in self.sources.items()},
            "tasks": _by_split(self._tasks),
            "modalities": _by_split(self._modalities),
            # Prompts whose answer is known, which some rewards need.
            "solutions": self._solutions,
        }


def _by_split(table: dict[str, Counter[str]]) -> dict[str, dict[str, int]]:
    return {name: {split: counts[split] for split in FILES} for name, counts in table.items()}


def _judged_rows(sources: Sequence[ValidSource]) -> Iterator[tuple[ValidSource, LedgerRow, Record | None]]:
    """Every row of the ledgers, with its record when it was accepted."""
    for source in sources:
        for valid, ledger in zip(map(Path, source.valid), map(Path, source.ledger), strict=True):
            records = read_records(valid)
            for verdict in read_ledger(ledger):
                record = next(records, None) if verdict.verdict in ("accepted", "repaired") else None
                if record is None and verdict.verdict in ("accepted", "repaired"):
                    raise _out_of_step(valid, ledger)
                if record is not None and record.id != verdict.id:
                    raise _out_of_step(valid, ledger)
                yield source, verdict, record
            if next(records, None) is not None:
                raise _out_of_step(valid, ledger)


def _out_of_step(valid: Path, ledger: Path) -> PipelineError:
    return PipelineError(
        f"does not list the same rows as {ledger}",
        where=str(valid),
        fix="Delete both, and validate the source again.",
        code=ExitCode.DATA,
    )


def _row(record: Record, file: str) -> bytes:
    return encode(_prompt(record) if file == "grpo" else _training_row(record))


def _training_row(record: Record) -> Record:
    """What ms-swift reads; columns of the user's own stay in the validate stage's file, under the same id."""
    return msgspec.structs.replace(record, extra={}, repairs=[], facts=None)


def _prompt(record: Record) -> dict[str, Any]:
    """A record without its last answer, which becomes the solution; other columns as JSON text for the rewards.

    As columns of their own they could steer ms-swift (`objects`, `label`), and a reader of JSON files would give
    one type to a column of all rows.
    """
    answered = record.messages and record.messages[-1].role == "assistant"
    solution = record.answer()
    prompt = msgspec.structs.replace(
        record,
        messages=record.messages[:-1] if answered else record.messages,
        solution=solution,
        extra={},
        repairs=[],
        facts=None,
    )
    columns = {**record.extra, **({} if solution is None else {"solution": solution})}
    return {**msgspec.to_builtins(prompt), COLUMNS: msgspec.json.encode(columns).decode()}


def _held_out(source: ValidSource, verdict: LedgerRow) -> LedgerRow:
    own = verdict.id.removeprefix(f"{source.name}/")
    named = "" if own == f"{verdict.line:08d}" else f" (id {own})"
    message = (
        f"{source.path or source.name}:{verdict.line}{named}: shares its media or question with a test row, "
        f"so it is not trained on. {CODES[_HELD_OUT_CODE].fix}"
    )
    return LedgerRow(
        verdict.source, verdict.line, verdict.id, "rejected", [*verdict.codes, _HELD_OUT_CODE], message
    )


def _tally(source: ValidSource) -> Tally:
    tally = Tally()
    for path in source.ledger:
        for verdict in read_ledger(Path(path)):
            tally.add(verdict)
    return tally


def _refuse_useless(sources: Sequence[ValidSource]) -> None:
    for source in sources:
        if not {"sft", "grpo", "eval"} & set(source.use):
            raise PipelineError(
                f"its rows may become {' and '.join(source.use) or 'nothing'}, which no stage reads",
                where=f"sources.{source.name}.use",
                fix="Add sft, grpo or eval.",
            )


def _refuse_empty(assignment: Assignment, rules: Rules) -> None:
    if rules.need_train and not assignment.count("train"):
        raise PipelineError(
            "no row is left to train on",
            where="split",
            fix="Give a source with use: [sft], or lower split.val and split.test.",
            code=ExitCode.DATA,
        )
    if rules.need_test and not assignment.count("test"):
        raise PipelineError(
            "the test set is empty, so there is nothing to run and score the models on",
            where="split.test",
            fix="Raise split.test, or add eval to a source's use:.",
        )
    if rules.need_train and rules.draw.val > 0 and not assignment.count("val"):
        print("warning: split.val: the validation set is empty, so training is not evaluated.", file=sys.stderr)
