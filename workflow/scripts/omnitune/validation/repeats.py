"""Rows that say what another one says already: the same id, or the same content."""

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from omnitune.validation.identity import NEAR_TEXT
from omnitune.validation.index import DUPLICATE, EVAL, GRPO, HELD_OUT, NEAR, REPEATED_ID, SFT, TEST, USES

_REPEATED_IDS = """
INSERT INTO twins
    SELECT row, first FROM (
        SELECT row, min(row) OVER (PARTITION BY id) AS first FROM rows
        WHERE id IN (SELECT id FROM rows GROUP BY id HAVING count(*) > 1)
    ) WHERE row <> first"""
# In the test, rows that may be tested on come first, and of these the ones that may be nothing else.
_EQUAL_ROWS = f"""
SELECT whole, row, fate, fates.kind FROM fates JOIN rows USING (row)
WHERE whole IN (SELECT whole FROM rows GROUP BY whole HAVING count(*) > 1)
ORDER BY whole, (fate = {TEST}) * ((fates.kind & {EVAL} > 0) + (fates.kind & {USES} = {EVAL})) DESC, row"""
_NEAR_ROWS = f"""
INSERT OR IGNORE INTO twins
    SELECT row, min(first) FROM (
        SELECT row, min(row) OVER (PARTITION BY key) AS first FROM holds JOIN fates USING (row)
        WHERE sort = {NEAR_TEXT} AND fate <= {HELD_OUT}
    ) WHERE first < row GROUP BY row"""


def set_repeated_ids_apart(index: sqlite3.Connection) -> None:
    """Take rows out of the index whose id an earlier row has."""
    index.execute(_REPEATED_IDS)
    index.execute(f"INSERT INTO fates SELECT row, {REPEATED_ID}, 0 FROM twins ORDER BY row")
    for table in ("rows", "holds"):
        index.execute(f"DELETE FROM {table} WHERE row IN (SELECT row FROM twins)")


def set_duplicates_apart(index: sqlite3.Connection) -> None:
    """Of rows with equal content, one stays for each use: the first; in the test, one that is for that alone."""
    index.execute("CREATE TABLE changes(row INT, twin INT, fate INT, kind INT)")
    index.executemany("INSERT INTO changes VALUES (?, ?, ?, ?)", _changes(index))
    index.execute("INSERT INTO twins SELECT row, twin FROM changes WHERE twin IS NOT NULL")
    index.execute("INSERT OR REPLACE INTO fates SELECT row, fate, kind FROM changes")


def mark_near_duplicates(index: sqlite3.Connection) -> None:
    """Note rows whose text is nearly that of an earlier row that stays."""
    index.execute(_NEAR_ROWS)
    index.execute(
        f"UPDATE fates SET kind = kind | {NEAR} WHERE fate <= {HELD_OUT} AND row IN (SELECT row FROM twins)"
    )


def _changes(index: sqlite3.Connection) -> Iterator[tuple[int, int | None, int, int]]:
    """(row, twin, fate, kind) of the rows that an equal one takes uses from."""
    for _, rows in groupby(index.execute(_EQUAL_ROWS), itemgetter(0)):
        served, twin = 0, None
        for _, row, fate, kind in rows:
            wanted = kind & (SFT | GRPO if fate < TEST else EVAL if fate == TEST else 0)
            if twin is None:
                # A row that goes nowhere is good for nothing that it could take from another.
                twin = row if wanted else None
            elif not wanted & ~served:
                yield row, twin, DUPLICATE, 0
            elif wanted & served:
                yield row, None, fate, kind & ~served
            served |= wanted
