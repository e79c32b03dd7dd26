"""Which rows belong together, and where a group goes."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnitune.errors import PipelineError
from omnitune.records import Facts, Medium, Message, Record
from omnitune.validation import groups
from omnitune.validation.assignment import SPLITS
from omnitune.validation.groups import Draw, deal
from omnitune.validation.identity import Identifier
from omnitune.validation.index import EVAL, GRPO, SFT, Entry, fill, open_index

BOTH = ("sft", "eval")
HALF = Draw(val=0.2, test=0.5, seed=17)
NAMES = st.sampled_from("abcdefghij")
USES = {"sft": SFT, "grpo": GRPO, "eval": EVAL}


def record(*audios: str, question: str = "Why?", answer: str = "So.", media: Sequence[Medium] = ()) -> Record:
    turns = [Message("user", question), Message("assistant", answer)]
    facts = Facts(media=list(media)) if media else None
    return Record("s/1", "s", 1, "t", turns, audios=list(audios), facts=facts)


def dealt_each(
    rows: Sequence[tuple[Record, Sequence[str]]], draw: Draw = HALF, roots: Sequence[str] = ("/r",)
) -> list[str]:
    identifier = Identifier([Path(root) for root in roots])
    with open_index() as index:
        kinds = [sum(USES[name] for name in use) for _, use in rows]
        records = [row for row, _ in rows]
        fill(
            index,
            (
                Entry(number, kind, 1, identifier.identify(row))
                for number, (row, kind) in enumerate(zip(records, kinds, strict=True))
            ),
        )
        deal(index, draw)
        found = index.execute("SELECT fate FROM fates ORDER BY row").fetchall()
    return [(*SPLITS, "nowhere")[fate] for (fate,) in found]


def dealt(records: Sequence[Record], use=BOTH, draw: Draw = HALF, root: str = "/r") -> list[str]:
    return dealt_each([(row, use) for row in records], draw, [root])


def known(content: str = "", digest: str = "", origin: str = "") -> Medium:
    return Medium("audio", content=content, digest=digest, origin=origin)


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


ROW = st.tuples(st.lists(NAMES, min_size=1, max_size=3), st.sampled_from([BOTH, ("sft",), ("eval",), ("grpo",)]))


@given(st.lists(ROW, min_size=1, max_size=8), st.lists(ROW, max_size=8), st.randoms())
def test_rows_added_later_move_none_but_those_they_are_tied_to(before, after, rng):
    """The guarantee: a group's file changes only when a new row shares something with it."""

    def rows(drawn, folder):
        return [(record(*(f"/r/{folder}/{name}" for name in names)), use) for names, use in drawn]

    old, unrelated = rows(before, "old"), rows(after, "new")
    mixed = [*enumerate(old), *((None, row) for row in unrelated)]
    rng.shuffle(mixed)
    splits = dealt_each([row for _, row in mixed])
    kept = {number: split for (number, _), split in zip(mixed, splits, strict=True) if number is not None}
    assert [kept[number] for number in range(len(old))] == dealt_each(old)


@given(st.lists(NAMES, max_size=8), st.lists(NAMES, max_size=8))
def test_rows_on_files_that_are_there_already_move_none(before, after):
    records = [record(f"/r/{name}") for name in before + after]
    assert dealt(records)[: len(before)] == dealt(records[: len(before)])


def test_a_new_file_moves_a_group_only_when_its_name_is_smaller():
    """One row ties a new file to an old one: at most every other pair moves, and pairs end together."""
    old = [record(f"/r/{number}") for number in range(200)]
    ties = [record(f"/r/{number}", f"/r/new/{number}") for number in range(200)]
    alone, new = dealt(old), dealt([record(f"/r/new/{number}") for number in range(200)])
    tied = dealt([*old, *ties])
    assert tied[:200] == tied[200:]
    assert all(now in (before, other) for now, before, other in zip(tied[:200], alone, new, strict=True))
    assert sum(now == before for now, before in zip(tied[:200], alone, strict=True)) > 100


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
    assert dealt_each([(row, BOTH) for row in rows], roots=["/r", "/r/in"]) == dealt(rows, root="/r/in")


def test_a_file_of_the_same_name_in_another_root_is_another_file():
    rows = [(record("/one/a.wav"), ["eval"]), (record("/two/a.wav"), ["sft"])]
    assert dealt_each(rows, Draw(0, 0, 1), ["/one", "/two"]) == ["test", "train"]


@pytest.mark.parametrize("fact", ["digest", "content"])
def test_copies_and_re_encodings_belong_to_their_file(fact):
    """Every third file is what the first one of its three is, under another name."""
    files = [record(f"/r/{number}", media=[known(**{fact: str(number // 3)})]) for number in range(90)]
    splits = dealt(files)
    assert all(len(set(splits[first : first + 3])) == 1 for first in range(0, 90, 3))
    assert len(set(splits)) == 3
    apart = dealt([record(f"/r/{number}") for number in range(90)])
    assert sum(len(set(apart[first : first + 3])) > 1 for first in range(0, 90, 3)) > 10


def test_equal_bytes_and_equal_content_link_through_each_other():
    rows = [
        record("/r/a", media=[known(digest="1", content="x")]),
        record("/r/b", media=[known(digest="2", content="x")]),
        record("/r/c", media=[known(digest="2")]),
        record("/r/c", "/r/d"),
    ]
    for number in range(40):
        assert len(set(dealt(rows, draw=HALF._replace(seed=number)))) == 1


@given(st.lists(st.tuples(NAMES, st.integers(0, 3)), min_size=1, max_size=12))
def test_what_is_known_of_media_moves_no_group_that_it_does_not_join(rows):
    """`validate.media: hash` instead of `header` leaves every row where it was when there are no copies."""
    plain = [record(f"/r/{name}{number}") for name, number in rows]
    hashed = [record(row.audios[0], media=[known(digest=row.audios[0] + "!")]) for row in plain]
    assert dealt(plain) == dealt(hashed)


def test_a_repaired_file_stays_where_it_was():
    before = [record(f"/r/{number}.wav") for number in range(60)]
    after = [
        record(f"/m/{number:x}.wav", media=[known(digest=str(number), origin=f"/r/{number}.wav")])
        for number in range(60)
    ]
    assert dealt_each([(row, BOTH) for row in after], roots=["/r", "/m"]) == dealt(before)


def test_two_files_that_are_repaired_into_one_are_joined():
    rows = [record("/m/x", media=[known(origin=f"/r/{name}")]) for name in "abcdef"]
    assert len(set(dealt_each([(row, BOTH) for row in rows], roots=["/r", "/m"]))) == 1


def test_a_long_chain_takes_few_rounds(monkeypatch):
    """Rows that tie each file to the next, in disorder: the number of rounds grows with the logarithm."""
    rounds = []
    monkeypatch.setattr(
        groups, "_any", lambda index, query, find=groups._any: rounds.append(1) or find(index, query)
    )
    chain = [record(f"/r/{number}", f"/r/{number + 1}") for number in range(2000)]
    random.Random(1).shuffle(chain)
    assert len(set(dealt(chain))) == 1
    assert len(rounds) < 20


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
    splits = dealt_each([*rows, (record("/r/d"), ["sft"])], Draw(0, 0, 1))
    expected = ["nowhere" if "eval" not in use else "test" for _, use in rows]
    assert splits == [*expected, "train"]


def test_a_file_outside_all_roots_is_named():
    with pytest.raises(PipelineError, match=r"/x/a\.wav: lies in none of the media roots"):
        dealt([record("/x/a.wav")])
