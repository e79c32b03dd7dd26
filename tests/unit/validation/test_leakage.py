"""What the sides of a split have in common."""

from pathlib import Path

import pytest

from omnitune.records import Facts, Medium, Message, Record
from omnitune.validation.groups import Draw, deal
from omnitune.validation.identity import Identifier
from omnitune.validation.index import AUDIOS, EVAL, SFT, TEST, TRAIN, VAL, Entry, fill, open_index
from omnitune.validation.leakage import leakage

NONE = {"path": 0, "digest": 0, "content": 0, "question": 0, "text": 0}


def sound(*paths: str, digest: str = "", content: str = "", origin: str = "", answer: str = "So.") -> Record:
    turns = [Message("user", "<audio>" * len(paths) + "Who?"), Message("assistant", answer)]
    media = [Medium("audio", digest=digest, content=content, origin=origin) for _ in paths]
    return Record("s/1", "s", 1, "t", turns, audios=list(paths), facts=Facts(media=media))


def text(question: str) -> Record:
    return Record("s/1", "s", 1, "t", [Message("user", question), Message("assistant", "So.")])


def measured(rows: list[tuple[Record, int]], benches: dict[str, range] | None = None) -> dict:
    """The leakage of rows that were dealt by hand."""
    identifier = Identifier([Path("/r")])
    with open_index() as index:
        entries = (
            Entry(number, (AUDIOS if row.audios else 0) | SFT | EVAL, 1, identifier.identify(row))
            for number, (row, _) in enumerate(rows)
        )
        fill(index, entries)
        deal(index, Draw(0.1, 0.1, 1))
        index.executemany(
            "UPDATE fates SET fate = ? WHERE row = ?", [(fate, row) for row, (_, fate) in enumerate(rows)]
        )
        return leakage(index, benches or {})


def test_sides_that_share_nothing():
    rows = [(sound("/r/1", answer="a"), TRAIN), (sound("/r/2", answer="b"), VAL), (text("Why?"), TEST)]
    assert measured(rows) == {
        "splits": {"train-val": NONE, "train-test": NONE, "val-test": NONE},
        "eval_sources": {},
    }


def test_no_rows_at_all():
    assert measured([])["splits"]["train-test"] == NONE


@pytest.mark.parametrize(
    ("one", "other", "sort"),
    [
        (sound("/r/1", answer="a"), sound("/r/1"), "path"),
        (sound("/r/1", answer="a"), sound("/r/2", "/r/1"), "path"),
        (sound("/r/1", answer="a", digest="d"), sound("/r/2", digest="d"), "digest"),
        (sound("/r/1", answer="a", content="c"), sound("/r/2", content="c"), "content"),
        (sound("/r/1", answer="a", origin="/r/3"), sound("/r/2", origin="/r/3"), "path"),
        (sound("/r/1", answer="a", origin="/r/2"), sound("/r/2"), "path"),
        (text("Why?"), text(" why?"), "question"),
    ],
)
def test_rows_that_were_dealt_wrongly_are_our_own_fault(one, other, sort):
    with pytest.raises(AssertionError, match=f"'{sort}': 1") as caught:
        measured([(one, VAL), (other, TEST)])
    assert str(caught.value).count(": 1") == 1
    assert measured([(one, TEST), (other, TEST)])["splits"]["val-test"] == NONE


def test_equal_texts_about_other_media_are_counted_and_allowed():
    rows = [
        (sound("/r/1"), TRAIN),
        (sound("/r/2"), TRAIN),
        (sound("/r/3"), TEST),
        (sound("/r/4", answer="x"), VAL),
        (sound("/r/5", answer="x"), TEST),
        (sound("/r/6", answer="y"), TEST),
    ]
    found = measured(rows, {"bench": range(2, 3), "other": range(4, 6), "none": range(5, 6)})
    assert found == {
        "splits": {"train-val": NONE, "train-test": NONE | {"text": 1}, "val-test": NONE | {"text": 1}},
        "eval_sources": {"bench": NONE | {"text": 1}, "other": NONE | {"text": 1}, "none": NONE},
    }
