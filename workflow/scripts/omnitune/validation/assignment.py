"""The file of every row, decided from a first pass over all records, kept as one byte a row."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from omnitune.errors import ExitCode, PipelineError
from omnitune.records import Record, read_records
from omnitune.validation.groups import Draw, Groups

SPLITS = ("train", "val", "test")
# The row shares media with the test and may not be tested on, so it goes nowhere.
HELD_OUT = 3
_COLUMNS = ("images", "audios", "videos", "solution")
_EVALUATES = 1 << len(_COLUMNS)


class ValidSource(msgspec.Struct):
    """A source's validated shards, in order.

    Attributes:
        name, path: as in the config; path is for messages.
        use: what its rows may become, of sft, grpo and eval.
        valid: files of accepted records.
        ledger: files of verdicts, one to each of `valid`.
    """

    name: str
    use: list[str]
    valid: list[str]
    ledger: list[str]
    path: str = ""


class Assignment:
    """Where each record goes, by its number over all sources.

    Args:
        sources: the validated sources, in order.
        roots: the folders that media lie in.
        draw: the shares and the seed.

    Attributes:
        fates: for each record an index into SPLITS, or HELD_OUT.
        leaders: records that open their file, in order. A reader of JSON takes the columns of a file from its
            first block (10 MB in `datasets`) and fails on a column that appears later, so the first record of
            each optional column goes to the front.
    """

    def __init__(self, sources: Sequence[ValidSource], roots: Sequence[Path], draw: Draw) -> None:
        groups, kinds = Groups(roots), bytearray()
        lines: dict[int, int] = {}
        for source in sources:
            evaluates = _EVALUATES if "eval" in source.use else 0
            for record in (record for path in source.valid for record in read_records(Path(path))):
                if lines.setdefault(hash(record.id), record.line) != record.line:
                    raise _repeated_id(source, record, lines[hash(record.id)])
                groups.add(record, source.use)
                kinds.append(_columns(record) | evaluates)
        self.fates = bytearray(SPLITS.index(groups.split(row, draw)) for row in range(len(kinds)))
        test = SPLITS.index("test")
        for row, kind in enumerate(kinds):
            if self.fates[row] == test and not kind & _EVALUATES:
                self.fates[row] = HELD_OUT
        self.leaders = sorted(self._first_of_each_column(kinds))

    def count(self, split: str) -> int:
        """The number of records of a file."""
        return self.fates.count(SPLITS.index(split))

    def _first_of_each_column(self, kinds: bytearray) -> set[int]:
        first: dict[tuple[int, int], int] = {}
        for row, (fate, kind) in enumerate(zip(self.fates, kinds, strict=True)):
            columns = kind & ~_EVALUATES
            if fate != HELD_OUT and (fate, columns) not in first:
                first[fate, columns] = row
        # At most 16 combinations a file were kept; of these the earliest of each column.
        found: dict[tuple[int, int], int] = {}
        for (fate, columns), row in sorted(first.items(), key=lambda item: item[1]):
            for bit in range(len(_COLUMNS)):
                if columns >> bit & 1:
                    found.setdefault((fate, bit), row)
        return set(found.values())


def read_numbered(sources: Sequence[ValidSource], wanted: Sequence[int]) -> Iterator[tuple[int, Record]]:
    """(number, record) of the wanted records, ascending; the others are not decoded."""
    left, number, decode = list(reversed(wanted)), 0, msgspec.json.Decoder(Record).decode
    for path in (path for source in sources for path in source.valid):
        with Path(path).open("rb") as lines:
            for line in lines:
                if not left:
                    return
                if number == left[-1]:
                    yield left.pop(), decode(line)
                number += 1


def _columns(record: Record) -> int:
    """Which optional columns the record has, one bit each."""
    return (
        bool(record.images)
        | bool(record.audios) << 1
        | bool(record.videos) << 2
        | (record.solution is not None) << 3
    )


def _repeated_id(source: ValidSource, record: Record, first: int) -> PipelineError:
    return PipelineError(
        f"the id is used at line {first} already",
        where=f"{source.path or source.name}:{record.line} (id {record.id.removeprefix(f'{source.name}/')})",
        fix="Give every row its own id, or none.",
        code=ExitCode.DATA,
    )
