"""The files of every row, decided from a first pass over all records."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from omnitune.records import Record, read_records
from omnitune.validation import index as numbers
from omnitune.validation.groups import Draw, deal
from omnitune.validation.identity import Identifier
from omnitune.validation.index import (
    AUDIOS,
    BETWEEN,
    DUPLICATE,
    EVAL,
    GRPO,
    HELD_OUT,
    IMAGES,
    NEAR,
    PLAIN_SOLUTION,
    REPEATED_ID,
    SFT,
    SOLUTION,
    TEST,
    VIDEOS,
    Entry,
)
from omnitune.validation.leakage import leakage
from omnitune.validation.repeats import mark_near_duplicates, set_duplicates_apart, set_repeated_ids_apart

SPLITS = ("train", "val", "test")
# The files of a split; a row of train or val may be in grpo's as well, or in that alone.
FILES = (*SPLITS, "grpo")
_COLUMNS = (IMAGES, AUDIOS, VIDEOS, SOLUTION, PLAIN_SOLUTION)
_USES = {"sft": SFT, "grpo": GRPO, "eval": EVAL}
# What the ledger says of rows that go nowhere, or that resemble others.
_CODES = {HELD_OUT: "E206", BETWEEN: "E216", REPEATED_ID: "E211", DUPLICATE: "E056"}
_NEAR_CODE = "E230"
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


class Sameness(NamedTuple):
    """What is done about rows that say the same: are duplicates dropped, and from which similarity are texts near
    duplicates (0: none are)."""

    drop: bool = True
    near: float = 0.0


class Home(NamedTuple):
    """Where a row goes.

    Attributes:
        files: names of its files.
        code: why it goes nowhere, or what is noteworthy; empty: nothing is.
        twin: path and line of the row that it repeats or resembles.
    """

    files: tuple[str, ...]
    code: str = ""
    twin: str = ""


class Assignment:
    """Where each record goes, by its number over all sources; all numbers lie on disk.

    Args:
        index: an empty index.
        sources: the validated sources, in order.
        roots: the folders that media lie in.
        draw: the shares and the seed.
        sameness: what is done about rows that say the same.

    Attributes:
        leaders: records that open a file, in order. A reader of JSON takes the columns of a file and their types
            from its first block (10 MB in `datasets`) and fails on what appears later, so the first record of
            each optional column goes to the front, and a solution that looks like no date.
        leakage: what the files have in common.
    """

    def __init__(
        self,
        index: sqlite3.Connection,
        sources: Sequence[ValidSource],
        roots: Sequence[Path],
        draw: Draw,
        sameness: Sameness,
    ) -> None:
        self._index, self._sources, self._starts = index, sources, [0]
        numbers.fill(index, self._entries(Identifier(roots, sameness.near)))
        set_repeated_ids_apart(index)
        deal(index, draw)
        if sameness.drop:
            set_duplicates_apart(index)
        if sameness.near:
            mark_near_duplicates(index)
        ranges = zip(sources, map(range, self._starts, self._starts[1:]), strict=True)
        self.leakage = leakage(
            index, {source.name: rows for source, rows in ranges if set(source.use) == {"eval"}}
        )
        # Few: at most one for each fate and each set of columns and uses.
        self._kinds: list[tuple[int, int, int, int]] = index.execute(
            f"SELECT fate, kind & {NEAR - 1}, min(row), count(*) FROM fates GROUP BY 1, 2"
        ).fetchall()
        self.leaders = sorted(self._first_of_each_column())

    def homes(self) -> Iterator[Home]:
        """Where the records go, in order."""
        for row, fate, kind in self._index.execute("SELECT row, fate, kind FROM fates ORDER BY row"):
            home = _home(fate, kind)
            yield home._replace(twin=self._twin(row)) if home.code and fate not in (HELD_OUT, BETWEEN) else home

    def files(self, row: int) -> tuple[str, ...]:
        """The names of the files that a record goes to."""
        fate, kind = self._index.execute("SELECT fate, kind FROM fates WHERE row = ?", (row,)).fetchone()
        return _home(fate, kind).files

    def count(self, file: str) -> int:
        """The number of records of a file."""
        return sum(count for fate, kind, _, count in self._kinds if file in _home(fate, kind).files)

    def _entries(self, identifier: Identifier) -> Iterator[Entry]:
        rows = 0
        for source in self._sources:
            uses, rewarded = sum(_USES[use] for use in set(source.use)), "grpo" in source.use
            for path in source.valid:
                for record in read_records(Path(path)):
                    rows += 1
                    identity = identifier.identify(record, rewarded)
                    yield Entry(hash(record.id), _columns(record) | uses, record.line, identity)
            self._starts.append(rows)

    def _twin(self, row: int) -> str:
        twin, line = self._index.execute(
            "SELECT twin, line FROM twins JOIN rows ON rows.row = twin WHERE twins.row = ?", (row,)
        ).fetchone()
        source = next(source for source, stop in zip(self._sources, self._starts[1:], strict=True) if twin < stop)
        return f"{source.path or source.name}:{line}"

    def _first_of_each_column(self) -> set[int]:
        found: dict[tuple[str, int], int] = {}
        for fate, kind, row, _ in sorted(self._kinds, key=lambda entry: entry[2]):
            for file in _home(fate, kind).files:
                for column in _COLUMNS:
                    if kind & column:
                        found.setdefault((file, column), row)
        return set(found.values())


@cache
def _home(fate: int, kind: int) -> Home:
    if fate >= HELD_OUT:
        return Home((), _CODES[fate])
    code = _NEAR_CODE if kind & NEAR else ""
    if fate == TEST:
        return Home(("test",), code)
    return Home(((SPLITS[fate],) if kind & SFT else ()) + (("grpo",) if kind & GRPO else ()), code)


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
    kind = (IMAGES if record.images else 0) | (AUDIOS if record.audios else 0) | (VIDEOS if record.videos else 0)
    if record.solution is not None:
        kind |= SOLUTION
    if (answer := record.answer()) is not None and not _date.match(answer):
        kind |= PLAIN_SOLUTION
    return kind
