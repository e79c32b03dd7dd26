"""Validated records to train, val, test and grpo: by what they share, streamed, with a ledger and a manifest.

VERSION is what the split's results depend on: raise it only when they would change.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from omnitune import publish
from omnitune.errors import ExitCode, PipelineError
from omnitune.media import present
from omnitune.readers import parts
from omnitune.records import LedgerRow, Record, encode, read_ledger, read_records
from omnitune.rewards.call import COLUMNS
from omnitune.validation.assignment import FILES, Assignment, Sameness, ValidSource, read_numbered
from omnitune.validation.final import final
from omnitune.validation.groups import Draw
from omnitune.validation.index import open_index
from omnitune.validation.policy import Policy
from omnitune.validation.row_files import Lengths, RowFile
from omnitune.validation.tally import Tally, refuse_bad_sources

VERSION = 4
# The files that a trainer reads row by row, whose lengths are worth knowing.
_MEASURED = ("train", "val")


class Rules(NamedTuple):
    """The draw, the limits that stop the run, and what is done about rows that say the same."""

    draw: Draw
    max_rejected: float
    need_train: bool
    need_test: bool
    sameness: Sameness = Sameness()
    policy: Policy = Policy()


def split_sources(
    sources: Sequence[ValidSource], roots: Sequence[Path], rules: Rules, output: Path
) -> dict[str, Any]:
    """Write train, val, test and grpo, the ledger and, last, the manifest; returns the manifest."""
    _refuse_useless(sources)
    for source in sources:
        parts.refuse_strangers(source.name, source.path, list(map(Path, source.valid)))
    tallies = {source.name: _tally(source) for source in sources}
    refuse_bad_sources(tallies, rules.max_rejected)
    with open_index() as index:
        assignment = Assignment(index, sources, roots, rules.draw, rules.sameness)
        _refuse_empty(assignment, rules)
        manifest = publish_split(sources, assignment, tallies, rules, output)
    manifest |= rules.draw._asdict()
    manifest |= {"duplicates": "drop" if rules.sameness.drop else "keep", "near_duplicates": rules.sameness.near}
    publish.write_json(output / publish.MANIFEST, manifest)
    return manifest


def publish_split(
    sources: Sequence[ValidSource],
    assignment: Assignment,
    tallies: Mapping[str, Tally],
    rules: Rules,
    output: Path,
) -> dict[str, Any]:
    """Write every file but the manifest, and return what that says of them.

    Args:
        sources, assignment: the rows, and where each goes.
        tallies: what the validate stage said of each source's rows; ids that are found twice here are added.
        rules: what stops the run: then nothing is written.
        output: the folder to write into.
    """
    counts = _Counts(sources)
    leaders = set(assignment.leaders)
    with ExitStack() as stack:
        names = [*FILES, *(f"{name}.lengths" for name in _MEASURED), "ledger"]
        files = {
            name: RowFile(stack.enter_context(publish.open_atomic(output / f"{name}.jsonl"))) for name in names
        }
        # No part of the manifest: a file that was only touched makes no other data.
        states = stack.enter_context(publish.open_atomic(output / present.STATES))
        lengths = {name: Lengths(files[f"{name}.lengths"]) for name in _MEASURED}

        def write(record: Record, name: str) -> None:
            files[name].write(_row(record, name))
            if name in lengths:
                lengths[name].add(record)

        for number, leader in read_numbered(sources, assignment.leaders):
            for name in assignment.files(number):
                write(leader, name)
        homes = enumerate(assignment.homes())
        for source, verdict, record in _judged_rows(sources):
            if record is not None:
                number, home = next(homes)
                before, verdict = verdict.verdict, final(source, verdict, home, rules.policy)
                if home.code == "E211":
                    tallies[source.name].revoke(before, verdict)
                if home.files:
                    states.write(present.states(record, list(home.files)))
                for name in home.files:
                    counts.add(record, name)
                    if number not in leaders:
                        write(record, name)
            files["ledger"].write(encode(verdict))
            counts.sources[source.name].add(verdict)
        refuse_bad_sources(tallies, rules.max_rejected)
        _prove_complete(counts.sources, tallies)
        # The old manifest speaks of the old files: it goes before the new ones appear.
        (output / publish.MANIFEST).unlink(missing_ok=True)
    return {
        "version": VERSION,
        "files": {f"{name}.jsonl": file.summary() for name, file in files.items()},
        **counts.summary(),
        "leakage": assignment.leakage,
    }


class _Counts:
    """What the manifest says about sources, tasks and modalities."""

    def __init__(self, sources: Sequence[ValidSource]) -> None:
        self.sources = {source.name: Tally() for source in sources}
        self._rows = Counter[tuple[str, str, str]]()
        self._solutions = 0

    def add(self, record: Record, split: str) -> None:
        self._solutions += split == "grpo" and record.answer() is not None
        self._rows[record.task, record.modality(), split] += 1

    def summary(self) -> dict[str, Any]:
        return {
            "sources": {name: tally.summary() for name, tally in self.sources.items()},
            "tasks": self._by_split(0),
            "modalities": self._by_split(1),
            # Prompts whose answer is known, which some rewards need.
            "solutions": self._solutions,
        }

    def _by_split(self, part: int) -> dict[str, dict[str, int]]:
        table: dict[str, dict[str, int]] = {}
        for key, count in self._rows.items():
            table.setdefault(key[part], dict.fromkeys(FILES, 0))[key[2]] += count
        return table


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


def _prove_complete(written: Mapping[str, Tally], read: Mapping[str, Tally]) -> None:
    """Every row that was read has one of the four verdicts."""
    for name, tally in written.items():
        if tally.read() != read[name].read():
            raise AssertionError(f"sources.{name}: {read[name].read()} rows read, {dict(tally.verdicts)} written")


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
