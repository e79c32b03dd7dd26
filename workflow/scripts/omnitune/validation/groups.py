"""Which rows belong together, and where a group goes.

Rows that share a file (its path, its bytes or its decoded content), directly or through other rows, form one
group; so do text rows with the same question, and nearly equal texts when they are looked for. A group is named by
what its media are called inside their root, never by the order of rows or the place of the checkout. Its name and
the uses of its rows decide its file. So a row that is added later moves none that it shares nothing with; it moves
a group that it joins only by bringing a file or question with a smaller name, or by being for the test.
"""

import sqlite3
from typing import NamedTuple

from omnitune.validation.identity import number
from omnitune.validation.index import EVAL, HELD_OUT, TEST, TRAIN, USES, VAL

# A key with two parents, or one whose parent has a parent.
_UNFINISHED = """
SELECT 1 FROM edges GROUP BY child HAVING count(*) > 1
UNION ALL SELECT 1 FROM edges WHERE parent IN (SELECT child FROM edges)"""
# Connected components by alternating large-star and small-star (Kiveris et al., Connected Components in MapReduce
# and Beyond, SoCC 2014): an edge points from a key to a smaller one, in the end to the smallest of its group.
_EDGES = """
CREATE TABLE edges AS SELECT DISTINCT max(one, other) AS child, min(one, other) AS parent FROM (
    SELECT key AS one, other FROM facts
    UNION ALL SELECT rows.key, files.key FROM files JOIN rows USING (row)
    UNION ALL SELECT key, min(key) OVER (PARTITION BY band) FROM bands JOIN rows USING (row)
) WHERE one <> other"""
_LARGE_STAR = """
CREATE TABLE large AS
    SELECT DISTINCT other AS child, least AS parent
    FROM (
        SELECT node, other, min(node, min(other) OVER (PARTITION BY node)) AS least
        FROM (SELECT child AS node, parent AS other FROM edges UNION ALL SELECT parent, child FROM edges)
    ) WHERE other > node"""
_SMALL_STAR = """
CREATE TABLE edges AS
    SELECT parent AS child, least AS parent
    FROM (SELECT parent, min(parent) OVER (PARTITION BY child) AS least FROM large) WHERE parent <> least
    UNION SELECT child, min(parent) FROM large GROUP BY child"""
_FATES = f"""
INSERT INTO groups
    SELECT coalesce(root, key), fate(min(name), max(kind & {EVAL}), max(kind & {USES} = {EVAL}))
    FROM rows LEFT JOIN roots USING (key) GROUP BY coalesce(root, key) HAVING count(*) > 1"""
_DEAL = f"""
INSERT INTO fates SELECT row, coalesce(fate, fate(name, kind & {EVAL}, kind & {USES} = {EVAL})), kind
    FROM rows LEFT JOIN roots USING (key) LEFT JOIN groups ON groups.root = coalesce(roots.root, rows.key)
    ORDER BY row"""
_HOLD_OUT = f"UPDATE fates SET fate = {HELD_OUT} WHERE fate = {TEST} AND NOT kind & {EVAL}"


class Draw(NamedTuple):
    """The shares to hold out, and the seed: another one draws other groups."""

    val: float
    test: float
    seed: int

    def fate(self, name: int, tests: int, tests_only: int) -> int:
        """TRAIN, VAL or TEST.

        Args:
            name: the group's.
            tests: whether a row of it may be tested on.
            tests_only: whether a row of it may be nothing else.
        """
        share = (number(f"{self.seed}", f"{name + 2**63}") + 2**63) / 2**64
        if tests_only or (tests and share < self.test):
            return TEST
        return VAL if self.test <= share < self.test + self.val else TRAIN


def deal(index: sqlite3.Connection, draw: Draw) -> None:
    """Give every row of the index the fate of its group."""
    _find_roots(index)
    index.create_function("fate", 3, draw.fate, deterministic=True)
    index.execute(_FATES)
    index.execute(_DEAL)
    index.execute(_HOLD_OUT)


def _find_roots(index: sqlite3.Connection) -> None:
    index.execute(_EDGES)
    while _any(index, _UNFINISHED):
        index.execute(_LARGE_STAR)
        index.execute("DROP TABLE edges")
        index.execute(_SMALL_STAR)
        index.execute("DROP TABLE large")
    index.execute("INSERT INTO roots SELECT child, parent FROM edges ORDER BY child")


def _any(index: sqlite3.Connection, query: str) -> bool:
    return index.execute(f"SELECT EXISTS ({query})").fetchone() == (1,)
