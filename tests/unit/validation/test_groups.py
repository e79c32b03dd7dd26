"""Which rows belong together, and where a group goes."""

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnitune.errors import PipelineError
from omnitune.records import Message, Record
from omnitune.validation.groups import Draw, Groups

BOTH = ("sft", "eval")
HALF = Draw(val=0.2, test=0.5, seed=17)
NAMES = st.sampled_from("abcdefghij")


def record(*audios: str, question: str = "Why?", answer: str = "So.") -> Record:
    turns = [Message("user", question), Message("assistant", answer)]
    return Record("s/1", "s", 1, "t", turns, audios=list(audios))


def dealt(records: list[Record], use=BOTH, draw: Draw = HALF, root: str = "/r") -> list[str]:
    groups = Groups([Path(root)])
    for row in records:
        groups.add(row, use)
    return [groups.split(number, draw) for number in range(len(records))]


@given(st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=12), st.randoms())
def test_shared_media_stay_together_in_any_order(rows, rng):
    records = [record(*(f"/r/{name}" for name in names)) for names in rows]
    splits = dealt(records)
    for one, first in zip(rows, splits, strict=True):
        for other, second in zip(rows, splits, strict=True):
            assert not set(one) & set(other) or first == second
    order = list(range(len(rows)))
    rng.shuffle(order)
    assert dealt([records[number] for number in order]) == [splits[number] for number in order]


@given(st.lists(NAMES, max_size=8), st.lists(NAMES, max_size=8))
def test_rows_added_later_move_none(before, after):
    records = [record(f"/r/{name}") for name in before + after]
    assert dealt(records)[: len(before)] == dealt(records[: len(before)])


def test_media_are_linked_through_other_rows():
    chain = [record(f"/r/{number}", f"/r/{number + 1}") for number in range(50)]
    assert len(set(dealt(chain))) == 1
    assert len(set(dealt(chain[::2]))) > 1


def test_the_place_of_the_root_does_not_matter():
    names = [f"{number}.wav" for number in range(60)]
    here = dealt([record(f"/r/{name}") for name in names])
    assert here == dealt([record(f"/elsewhere/{name}") for name in names], root="/elsewhere")


def test_of_nested_roots_the_inner_one_names_the_file():
    rows = [record(f"/r/in/{number}") for number in range(60)]
    nested = Groups([Path("/r"), Path("/r/in")])
    for row in rows:
        nested.add(row, BOTH)
    assert [nested.split(number, HALF) for number in range(60)] == dealt(rows, root="/r/in")


def test_a_file_of_the_same_name_in_another_root_is_another_file():
    groups = Groups([Path("/one"), Path("/two")])
    groups.add(record("/one/a.wav"), ["eval"])
    groups.add(record("/two/a.wav"), ["sft"])
    assert [groups.split(number, Draw(0, 0, 1)) for number in (0, 1)] == ["test", "train"]


def test_text_rows_are_grouped_by_their_question():
    same = ["What is  2 + 2?", "what is 2 + 2?", " WHAT IS 2 + 2?\n", "What is ２ + 2?"]
    assert len(set(dealt([record(question=text, answer=text) for text in same]))) == 1
    assert len(set(dealt([record(question=f"What is {number}?") for number in range(40)]))) == 3


@pytest.mark.parametrize("use", [BOTH, ("sft",)])
def test_the_shares_are_kept(use):
    counts = Counter(dealt([record(question=str(number)) for number in range(4000)], use))
    # Rows that may not be tested on leave their share of the test to train.
    expected = {"test": 2000, "val": 800, "train": 1200} if use == BOTH else {"val": 800, "train": 3200}
    assert counts.keys() == expected.keys()
    for split, count in expected.items():
        assert counts[split] == pytest.approx(count, rel=0.1)


def test_another_seed_deals_otherwise():
    rows = [record(question=str(number)) for number in range(50)]
    assert dealt(rows) != dealt(rows, draw=HALF._replace(seed=18))
    assert dealt(rows) == dealt(rows, draw=HALF._replace())


def test_one_row_for_the_test_only_takes_its_whole_group_there():
    rows = [(record("/r/a", "/r/b"), BOTH), (record("/r/b", "/r/c"), ["sft"]), (record("/r/c"), ["eval"])]
    random.Random(0).shuffle(rows)
    groups = Groups([Path("/r")])
    for row, use in [*rows, (record("/r/d"), ["sft"])]:
        groups.add(row, use)
    assert [groups.split(number, Draw(0, 0, 1)) for number in range(4)] == ["test", "test", "test", "train"]


def test_a_file_outside_all_roots_is_named():
    with pytest.raises(PipelineError, match=r"/x/a\.wav: lies in none of the media roots"):
        dealt([record("/x/a.wav")])
