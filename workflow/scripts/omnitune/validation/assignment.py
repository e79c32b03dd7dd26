"""The files of every row, decided from a first pass over all records, kept as two bytes a row."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec

from omnitune.errors import ExitCode, PipelineError
from omnitune.records import Record, read_records
from omnitune.validation.groups import Draw, Groups

SPLITS = ("train", "val", "test")
# The files of a split; a row of train or val may be in grpo's as well, or in that alone.
FILES = (*SPLITS, "grpo")
# The row shares media with the test and may not be tested on, so it goes nowhere.
HELD_OUT = 3
# What a record has, one bit each: optional columns, then what its source may be used for.
_IMAGES, _AUDIOS, _VIDEOS, _SOLUTION, _PLAIN_SOLUTION, _SFT, _GRPO, _EVAL = (1 << bit for bit in range(8))
_COLUMNS = _IMAGES | _AUDIOS | _VIDEOS | _SOLUTION | _PLAIN_SOLUTION
_USES = {"sft": _SFT, "grpo": _GRPO, "eval": _EVAL}
_date = re.compile(r"\d{4}-\d\d-\d\d")


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
        leaders: records that open a file, in order. A reader of JSON takes the columns of a file and their types
            from its first block (10 MB in `datasets`) and fails on what appears later, so the first record of
            each optional column goes to the front, and a solution that looks like no date.
    """

    def __init__(self, sources: Sequence[ValidSource], roots: Sequence[Path], draw: Draw) -> None:
        groups, self._kinds = Groups(roots), bytearray()
        lines: dict[int, int] = {}
        for source in sources:
            uses = sum(_USES[use] for use in set(source.use))
            for record in (record for path in source.valid for record in read_records(Path(path))):
                if lines.setdefault(hash(record.id), record.line) != record.line:
                    raise _repeated_id(source, record, lines[hash(record.id)])
                groups.add(record, source.use)
                self._kinds.append(_columns(record) | uses)
        self.fates = bytearray(SPLITS.index(groups.split(row, draw)) for row in range(len(self._kinds)))
        test = SPLITS.index("test")
        for row, kind in enumerate(self._kinds):
            if self.fates[row] == test and not kind & _EVAL:
                self.fates[row] = HELD_OUT
        self.leaders = sorted(self._first_of_each_column())

    def files(self, row: int) -> tuple[str, ...]:
        """The names of the files that a record goes to."""
        return _files(self.fates[row], self._kinds[row] & (_SFT | _GRPO))

    def count(self, file: str) -> int:
        """The number of records of a file."""
        return sum(file in self.files(row) for row in range(len(self._kinds)))

    def _first_of_each_column(self) -> set[int]:
        first: dict[tuple[str, int], int] = {}
        for row, kind in enumerate(self._kinds):
            for file in self.files(row):
                first.setdefault((file, kind & _COLUMNS), row)
        # At most 32 combinations a file were kept; of these the earliest of each column.
        found: dict[tuple[str, int], int] = {}
        for (file, columns), row in sorted(first.items(), key=lambda item: item[1]):
            for column in (_IMAGES, _AUDIOS, _VIDEOS, _SOLUTION, _PLAIN_SOLUTION):
                if columns & column:
                    found.setdefault((file, column), row)
        return set(found.values())


@cache
def _files(fate: int, uses: int) -> tuple[str, ...]:
    if fate == HELD_OUT:
        return ()
    if SPLITS[fate] == "test":
        return ("test",)
    return ((SPLITS[fate],) if uses & _SFT else ()) + (("grpo",) if uses & _GRPO else ())


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
    """Which optional columns the record has, as bits; a prompt's answer is its solution."""
    kind = (
        (_IMAGES if record.images else 0) | (_AUDIOS if record.audios else 0) | (_VIDEOS if record.videos else 0)
    )
    if record.solution is not None:
        kind |= _SOLUTION
    if (answer := record.answer()) is not None and not _date.match(answer):
        kind |= _PLAIN_SOLUTION
    return kind


def _repeated_id(source: ValidSource, record: Record, first: int) -> PipelineError:
    return PipelineError(
        f"the id is used at line {first} already",
        where=f"{source.path or source.name}:{record.line} (id {record.id.removeprefix(f'{source.name}/')})",
        fix="Give every row its own id, or none.",
        code=ExitCode.DATA,
    )
