"""The numbers of all rows, in a database on disk: memory stays the same however many rows there are."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

from omnitune.errors import ExitCode, PipelineError
from omnitune.validation.identity import Identity

# What a record has, one bit each: optional columns, what its source may be used for, and whether an earlier
# row is nearly the same.
IMAGES, AUDIOS, VIDEOS, SOLUTION, PLAIN_SOLUTION, SFT, GRPO, EVAL, NEAR = (1 << bit for bit in range(9))
MEDIA = IMAGES | AUDIOS | VIDEOS
USES = SFT | GRPO | EVAL
# Where a row goes. Nowhere are HELD_OUT, which shares something with a row of the test and is none itself;
# BETWEEN, which shares something with rows of two sides; and the last two.
TRAIN, VAL, TEST, HELD_OUT, BETWEEN, REPEATED_ID, DUPLICATE = range(7)

_CACHE_KIB = 1024
_BATCH = 1024
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA temp_store = FILE;
-- Rows by their number over all sources; line is the source file's, the others are an Identity's.
CREATE TABLE rows(row INTEGER PRIMARY KEY, id INT, kind INT, line INT, whole INT, text INT, name INT, key INT);
-- What a row holds besides its key, by sort.
CREATE TABLE holds(row INT, sort INT, key INT);
-- What a row shares with others.
CREATE TABLE ties(row INT, tie INT, sort INT, PRIMARY KEY (row, tie)) WITHOUT ROWID;
CREATE TABLE fates(row INTEGER PRIMARY KEY, fate INT, kind INT);
-- A row and an earlier or preferred one that has its id, its content or nearly its text.
CREATE TABLE twins(row INTEGER PRIMARY KEY, twin INT);
"""


class Entry(NamedTuple):
    """What the index is told of a row."""

    id: int
    kind: int
    line: int
    identity: Identity


@contextmanager
def open_index() -> Iterator[sqlite3.Connection]:
    """An empty database that SQLite removes by itself; it lies in $TMPDIR, else in /var/tmp.

    Raises:
        PipelineError: when the disk is full.
    """
    index = sqlite3.connect("", isolation_level=None)
    try:
        index.executescript(f"PRAGMA cache_size = -{_CACHE_KIB};{_SCHEMA}")
        index.execute("BEGIN")
        yield index
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_CANTOPEN,
        ):
            raise
        raise PipelineError(
            f"the temporary index of all rows cannot be written: {error}",
            where="split",
            fix="Free space in /var/tmp, or set TMPDIR to a folder with more.",
            code=ExitCode.DISK,
        ) from error
    finally:
        index.close()


def fill(index: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Add all rows, numbered from 0."""
    entries, first = iter(entries), 0
    while batch := list(islice(entries, _BATCH)):
        rows, holds = [], []
        for row, (name, kind, line, identity) in enumerate(batch, first):
            rows.append((row, name, kind, line, *identity[:4]))
            holds += [(row, *held) for held in identity.holds]
        index.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        index.executemany("INSERT INTO holds VALUES (?, ?, ?)", holds)
        first += len(batch)
