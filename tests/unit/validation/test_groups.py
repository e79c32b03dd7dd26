"""Which rows belong together, and where a group goes."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnitune.errors import PipelineError
from omnitune.records import Facts, Medium, Message, Record
from omnitune.validation.assignment import SPLITS
from omnitune.validation.groups import Draw, deal
from omnitune.validation.identity import Identifier
from omnitune.validation.index import AUDIOS, EVAL, GRPO, SFT, Entry, fill, open_index

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
                Entry(number, kind | (AUDIOS if row.audios else 0), 1, identifier.identify(row))
                for number, (row, kind) in enumerate(zip(records, kinds, strict=True))
            ),
        )
        deal(index, draw)
        found = index.execute("SELECT fate FROM fates ORDER BY row").fetchall()
    return [(*SPLITS, "nowhere", "nowhere")[fate] for (fate,) in found]


def dealt(records: Sequence[Record], use=BOTH, draw: Draw = HALF, root: str = "/r") -> list[str]:
    return dealt_each([(row, use) for row in records], draw, [root])


def known(content: str = "", digest: str = "", origin: str = "") -> Medium:
    return Medium("audio", content=content, digest=digest, origin=origin)


@given(st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=12))
def test_rows_that_share_media_are_on_one_side_or_nowhere(rows):
    splits = dealt([record(*(f"/r/{name}" for name in names)) for names in rows])
    for one, first in zip(rows, splits, strict=True):
        for other, second in zip(rows, splits, strict=True):
            assert not set(one) & set(other) or first == second or "nowhere" in (first, second)


@given(st.lists(NAMES, min_size=1, max_size=12), st.randoms())
def test_rows_of_one_file_are_dealt_alike_in_any_order(names, rng):
    splits = dict(zip(names, dealt([record(f"/r/{name}") for name in names]), strict=True))
    rng.shuffle(names)
    assert dealt([record(f"/r/{name}") for name in names]) == [splits[name] for name in names]


USE = st.sampled_from([BOTH, ("sft",), ("eval",), ("grpo",), ("grpo", "eval")])
ROW = st.tuples(st.lists(NAMES, min_size=1, max_size=3), USE)


def drawn(rows, folder: str = "") -> list[tuple[Record, Sequence[str]]]:
    return [(record(*(f"/r/{folder}{name}" for name in names)), use) for names, use in rows]


@given(st.lists(ROW, min_size=1, max_size=8), st.lists(ROW, max_size=8), st.randoms())
def test_rows_that_share_nothing_move_none_wherever_they_stand(before, after, rng):
    old, unrelated = drawn(before, "old/"), drawn(after, "new/")
    mixed = [*enumerate(old)]
    for row in unrelated:
        mixed.insert(rng.randint(0, len(mixed)), (None, row))
    splits = dealt_each([row for _, row in mixed])
    kept = [split for (number, _), split in zip(mixed, splits, strict=True) if number is not None]
    assert kept == dealt_each(old)


@settings(max_examples=300)
@given(st.lists(ROW, min_size=1, max_size=8), st.lists(ROW, min_size=1, max_size=8), st.integers(0, 9))
def test_rows_added_at_the_end_move_none(before, after, seed):
    """Whatever they share: no old row is in another file, and it is left out only for a row to be tested on."""
    draw = HALF._replace(seed=seed)
    old, new = dealt_each(drawn(before), draw), dealt_each(drawn(before + after), draw)
    tests = any("eval" in use for _, use in after)
    for (_, use), was, now in zip(before, old, new, strict=False):
        assert now == was or (now == "nowhere" and was in ("train", "val") and tests), (use, was, now)


@settings(max_examples=300)
@given(
    *[st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=8) for _ in "bn"],
    st.sampled_from([BOTH, ("sft",), ("grpo",)]),
    st.integers(0, 9),
)
def test_rows_of_the_same_use_added_at_the_end_move_none_at_all(before, after, use, seed):
    rows = [(names, use) for names in before + after]
    draw = HALF._replace(seed=seed)
    assert dealt_each(drawn(rows), draw)[: len(before)] == dealt_each(drawn(rows[: len(before)]), draw)


def test_a_row_that_ties_two_sides_is_the_one_that_goes_nowhere():
    old = [record(f"/r/{number}") for number in range(40)]
    sides = dealt(old)
    ties = [record(f"/r/{number}", f"/r/{number + 1}", f"/r/new{number}") for number in range(39)]
    last = [record(f"/r/new{number}") for number in range(39)]
    found = dealt([*old, *ties, *last])
    assert found[:40] == sides
    expected = [one if one == other else "nowhere" for one, other in pairwise(sides)]
    assert found[40:79] == expected
    assert {*expected} == {"train", "val", "test", "nowhere"}
    # Its other files are free to go elsewhere.
    assert all(side in (now, "nowhere") for now, side in zip(found[79:], expected, strict=True))
    assert "nowhere" not in found[79:]


def test_a_row_that_may_not_be_tested_on_keeps_none_out_of_the_test():
    """Sources that are trained on may come first in the config: the test gets its share all the same."""
    sft = [(record(f"/r/{number}"), ["sft"]) for number in range(60)]
    both = [(record(f"/r/{number}"), BOTH) for number in range(60)]
    found = dealt_each([*sft, *both])
    assert found[60:] == dealt_each(both)
    assert found[:60] == ["nowhere" if side == "test" else side for side in found[60:]]


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


def test_a_row_for_the_test_alone_keeps_out_those_that_share_with_it_and_moves_no_other():
    rows = [(record("/r/a", "/r/b"), BOTH), (record("/r/b", "/r/c"), ["sft"]), (record("/r/c"), ["eval"])]
    for order in permutations(rows):
        splits = dict(zip(map(id, order), dealt_each(order, Draw(0, 0, 1)), strict=True))
        assert [splits[id(row)] for row in rows] == ["train", "nowhere", "test"]


def test_a_file_outside_all_roots_is_named():
    with pytest.raises(PipelineError, match=r"/x/a\.wav: lies in none of the media roots"):
        dealt([record("/x/a.wav")])
