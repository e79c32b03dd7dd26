"""Which file a row goes to: its own draw, unless it shares something with rows that come before it.

Rows share a file (its path, its bytes or its decoded content), a question when they are of text, or nearly their
text when that is looked for. A row that shares nothing is dealt by a hash of its name and the seed: what its media
are called inside their root, never its place or that of the checkout. A row that shares something goes where the
earlier rows are (by source, then by line). So a row that comes after all others moves none of them; when it shares
something with rows of two sides, it is the one that cannot stay (E216).

Rows for the test alone are in the test whatever they share. They steer no other row: what shares something with
them is not trained on (E206), and the rest stays where it was.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from omnitune.validation.identity import PATH, QUESTION, number
from omnitune.validation.index import BETWEEN, EVAL, HELD_OUT, MEDIA, TEST, TRAIN, USES, VAL

_HELD = f"""
CREATE VIEW held AS
    SELECT row, key, iif(kind & {MEDIA}, {PATH}, {QUESTION}) AS sort FROM rows
    UNION ALL SELECT row, key, sort FROM holds"""
# What several rows hold, by numbers without gaps.
_SHARED = """
CREATE TABLE shared AS
    SELECT key, row_number() OVER () - 1 AS tie FROM held GROUP BY key HAVING min(row) < max(row)"""
_TIES = "INSERT OR IGNORE INTO ties SELECT row, tie, sort FROM held JOIN shared USING (key) ORDER BY row, tie"
_FREE = f"""
INSERT INTO fates SELECT row, fate(name, kind & {EVAL}, kind & {USES} = {EVAL}), kind
    FROM rows WHERE row NOT IN (SELECT row FROM ties)"""
_BENCH_TIES = f"SELECT tie FROM ties JOIN rows USING (row) WHERE kind & {USES} = {EVAL}"
_TESTABLE = f"kind & {EVAL}"
_REST = "row NOT IN (SELECT row FROM fates)"
# What is marked at a tie: on which sides rows hold it.
_TESTED, _UNTESTED, _TRAINED, _VALIDATED, _BENCH = (1 << bit for bit in range(5))


class Draw(NamedTuple):
    """The shares to hold out, and the seed: another one draws other rows."""

    val: float
    test: float
    seed: int

    def fate(self, name: int, may_be_tested: int, tests_only: int) -> int:
        """TRAIN, VAL or TEST, of a row that shares nothing."""
        if tests_only or (may_be_tested and self.tested(name)):
            return TEST
        return VAL if self.validated(name) else TRAIN

    def tested(self, name: int) -> bool:
        """Whether a row of this name is in the test, if it may be."""
        return self._share(name) < self.test

    def validated(self, name: int) -> bool:
        """Whether it is in val, if it is not in the test."""
        return self.test <= self._share(name) < self.test + self.val

    def _share(self, name: int) -> float:
        """A number from 0 to 1."""
        return (number(f"{self.seed}", f"{name + 2**63}") + 2**63) / 2**64


def deal(index: sqlite3.Connection, draw: Draw) -> None:
    """Give every row of the index its fate; memory grows by a byte for each thing that several rows hold."""
    for statement in (_HELD, _SHARED, _TIES):
        index.execute(statement)
    index.create_function("fate", 3, draw.fate, deterministic=True)
    index.execute(_FREE)
    marks = bytearray(index.execute("SELECT count(*) FROM shared").fetchone()[0])
    for (tie,) in index.execute(_BENCH_TIES):
        marks[tie] = _BENCH
    # Tested or not is settled first, among the rows that may be: rows that may not steer none of them.
    for fates in (_tested, _others):
        index.executemany("INSERT INTO fates VALUES (?, ?, ?)", fates(index, draw, marks))


def _tested(index: sqlite3.Connection, draw: Draw, marks: bytearray) -> Iterator[tuple[int, int, int]]:
    for row, kind, name, ties in _rows(index, _TESTABLE):
        if kind & USES == EVAL:
            yield row, TEST, kind
            continue
        side = _settle(marks, ties, _TESTED, _UNTESTED, draw.tested(name))
        if side != _UNTESTED:
            yield row, TEST if side else BETWEEN, kind


def _others(index: sqlite3.Connection, draw: Draw, marks: bytearray) -> Iterator[tuple[int, int, int]]:
    for row, kind, name, ties in _rows(index, _REST):
        # One that is held out steers as before: that a test row came moves no other.
        side = _settle(marks, ties, _VALIDATED, _TRAINED, draw.validated(name))
        if any(marks[tie] & (_TESTED | _BENCH) for tie in ties):
            yield row, HELD_OUT, kind
        else:
            yield row, (VAL if side == _VALIDATED else TRAIN) if side else BETWEEN, kind


def _settle(marks: bytearray, ties: Sequence[int], one: int, other: int, drawn: bool) -> int:
    """The side of two that a row's ties are on, else the one that is drawn, and then theirs; 0: both."""
    seen = 0
    for tie in ties:
        seen |= marks[tie]
    seen &= one | other
    if seen == one | other:
        return 0
    side = seen or (one if drawn else other)
    for tie in ties:
        marks[tie] |= side
    return side


def _rows(index: sqlite3.Connection, which: str) -> Iterator[tuple[int, int, int, list[int]]]:
    """(number, kind, name, ties) of the rows that share something, in order."""
    found = index.execute(
        f"SELECT row, kind, name, tie FROM ties CROSS JOIN rows USING (row) WHERE {which} ORDER BY row"
    )
    for (row, kind, name), entries in groupby(found, itemgetter(0, 1, 2)):
        yield row, kind, name, [tie for *_, tie in entries]
