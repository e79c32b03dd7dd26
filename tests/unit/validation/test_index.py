"""The index of all rows on disk."""

import sqlite3

import pytest

from omnitune.errors import ExitCode, PipelineError
from omnitune.validation.identity import Identity
from omnitune.validation.index import SFT, Entry, fill, open_index


def entries(count: int):
    for number in range(count):
        yield Entry(number, SFT, number + 1, Identity(number, None, number, number, [(0, number)]))


def test_rows_are_numbered_from_0():
    with open_index() as index:
        fill(index, entries(3000))
        assert index.execute("SELECT count(*), min(row), max(row) FROM rows WHERE line = row + 1").fetchall() == [
            (3000, 0, 2999)
        ]
        assert index.execute(
            "SELECT count(*) FROM holds JOIN rows USING (row) WHERE holds.key = row"
        ).fetchone() == (3000,)


def test_a_full_disk_is_told_with_its_remedy():
    def overfill() -> None:
        with open_index() as index:
            index.execute("PRAGMA max_page_count = 30")
            fill(index, entries(20_000))

    with pytest.raises(PipelineError) as caught:
        overfill()
    assert caught.value.code == ExitCode.DISK
    assert str(caught.value) == (
        "split: the temporary index of all rows cannot be written: database or disk is full. "
        "Free space in /var/tmp, or set TMPDIR to a folder with more."
    )


def test_a_mistake_of_ours_is_not_called_a_full_disk():
    with pytest.raises(sqlite3.OperationalError, match="no such table"), open_index() as index:
        index.execute("SELECT * FROM missing")
