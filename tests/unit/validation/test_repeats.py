"""Rows that say the same: which one stays, and what the ledger says of the others."""

import random
import string
from pathlib import Path

import pytest
from split_workplace import RULES, Workplace

from omnitune.errors import ExitCode, PipelineError
from omnitune.records import Facts, Medium, Message, Record
from omnitune.validation.assignment import Sameness
from omnitune.validation.groups import Draw
from omnitune.validation.policy import Policy

# Nothing is drawn: a row is in the test when a row of its group may be nothing else.
TRAIN = RULES._replace(draw=Draw(0, 0, 1), need_train=False, need_test=False)
TEST = TRAIN._replace(draw=Draw(0, 1, 1))
BOTH = ["sft", "eval"]


@pytest.fixture
def work(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def row(source: str, line: int, question: str = "Why?", answer: str = "So.", **fields) -> Record:
    turns = [Message("user", question), Message("assistant", answer)]
    return Record(f"{source}/{line:08d}", source, line, "t", turns, **fields)


def sound(source: str, line: int, path: str, digest: str = "", **fields) -> Record:
    facts = Facts(media=[Medium("audio", digest=digest)])
    return row(source, line, "<audio>Who?", audios=[path], facts=facts, **fields)


def homes(work: Workplace) -> list[list[str]]:
    """The files of each row, or the code that says why there are none."""
    return [verdict["split"] or verdict["codes"] for verdict in work.rows("ledger")]


def test_the_first_of_equal_rows_stays(work: Workplace):
    work.add("a", BOTH, [row("a", 1), row("a", 2, "Who?")], [row("a", 3)])
    work.add("b", BOTH, [row("b", 1), row("b", 2, "When?")])
    manifest = work.split(TRAIN)
    assert homes(work) == [["train"], ["train"], ["E056"], ["E056"], ["train"]]
    duplicate = work.rows("ledger")[3]
    assert duplicate == {
        "source": "b",
        "line": 1,
        "id": "b/00000001",
        "verdict": "duplicate",
        "codes": ["E056"],
        "message": "data/b.jsonl:1: says the same as data/a.jsonl:1, turns and media, so it is left out. "
        "Nothing to do, or set split.duplicates: keep.",
        "split": [],
    }
    assert [(s["read"], s["accepted"], s["duplicate"]) for s in manifest["sources"].values()] == [
        (3, 2, 1),
        (2, 1, 1),
    ]
    assert [line["id"] for line in work.rows("train")] == ["a/00000001", "a/00000002", "b/00000002"]


@pytest.mark.parametrize(
    "other",
    [
        row("a", 2, answer="Because."),
        row("a", 2, "why?"),
        row("a", 2, solution="So."),
        row("a", 2, "<audio>Why?", audios=["/r/a"]),
        Record("a/2", "a", 2, "t", [Message("system", "Be brief."), *row("a", 1).messages]),
    ],
    ids=["answer", "case", "solution", "medium", "system"],
)
def test_what_differs_is_no_duplicate(work: Workplace, other):
    work.add("a", BOTH, [row("a", 1), other])
    work.split(TRAIN)
    assert homes(work) == [["train"], ["train"]]


def test_media_are_compared_by_their_bytes_when_those_were_read(work: Workplace):
    rows = [
        sound("a", 1, "/r/1", "d1"),
        sound("a", 2, "/r/copy", "d1"),
        sound("a", 3, "/r/3", "d3"),
        sound("a", 4, "/r/4"),
        sound("a", 5, "/r/4"),
        sound("a", 6, "/r/6"),
    ]
    work.add("a", BOTH, rows)
    work.split(TRAIN)
    assert homes(work) == [["train"], ["E056"], ["train"], ["train"], ["E056"], ["train"]]


def test_the_order_of_media_matters(work: Workplace):
    rows = [
        row("a", 1, "<audio><audio>?", audios=["/r/x", "/r/y"]),
        row("a", 2, "<audio><audio>?", audios=["/r/y", "/r/x"]),
    ]
    work.add("a", BOTH, rows)
    work.split(TRAIN)
    assert homes(work) == [["train"], ["train"]]


@pytest.mark.parametrize("draw", [TRAIN, TEST])
def test_duplicates_may_be_kept(work: Workplace, draw):
    work.add("a", BOTH, [row("a", 1), row("a", 2)])
    work.split(draw._replace(sameness=Sameness(drop=False)))
    assert homes(work) == [["test" if draw is TEST else "train"]] * 2


def test_a_row_for_the_test_alone_stays_and_the_training_row_goes(work: Workplace):
    work.add("train", ["sft", "grpo"], [row("train", 1), row("train", 2)])
    work.add("both", BOTH, [row("both", 1)])
    work.add("bench", ["eval"], [row("bench", 1)])
    work.split(TRAIN)
    assert homes(work) == [["E056"], ["E056"], ["E056"], ["test"]]
    assert "says the same as data/bench.jsonl:1," in work.rows("ledger")[0]["message"]


def test_of_rows_for_the_test_alone_the_first_stays(work: Workplace):
    work.add("a", ["eval"], [row("a", 1)])
    work.add("b", ["eval"], [row("b", 1)])
    work.split(TRAIN)
    assert homes(work) == [["test"], ["E056"]]


def test_in_the_test_a_row_that_may_be_tested_on_stays(work: Workplace):
    work.add("a", ["sft"], [row("a", 1)])
    work.add("b", BOTH, [row("b", 1)])
    work.split(TEST)
    assert homes(work) == [["E056"], ["test"]]
    work.split(TRAIN)
    assert homes(work) == [["train"], ["E056"]]


def test_each_use_keeps_a_row(work: Workplace):
    """What is a duplicate for sft may be the only prompt of grpo."""
    work.add("a", ["sft"], [row("a", 1)])
    work.add("b", ["grpo"], [row("b", 1)])
    work.add("c", ["sft", "grpo"], [row("c", 1)])
    work.split(TRAIN)
    assert homes(work) == [["train"], ["grpo"], ["E056"]]
    work.sources.pop(1)
    work.split(TRAIN)
    assert homes(work) == [["train"], ["grpo"]]


def test_columns_that_rewards_read_tell_prompts_apart(work: Workplace):
    rows = [row("a", 1, extra={"tests": 1}), row("a", 2, extra={"tests": 2}), row("a", 3, extra={"tests": 1})]
    work.add("a", ["grpo"], rows)
    work.split(TRAIN)
    assert homes(work) == [["grpo"], ["grpo"], ["E056"]]
    work.sources[0].use = ["sft"]
    work.split(TRAIN)
    assert homes(work) == [["train"], ["E056"], ["E056"]]


def test_a_dropped_row_still_ties_its_files(work: Workplace):
    """Whether duplicates are dropped moves no other row: the copy's path names the group all the same."""
    rows = [sound("a", 3 * n + 1, f"/r/{n}", f"d{n}") for n in range(40)]
    rows += [sound("a", 3 * n + 2, f"/r/copy{n}", f"d{n}") for n in range(40)]
    rows += [row("a", 3 * n + 3, "<audio>Where?", audios=[f"/r/copy{n}"]) for n in range(40)]
    work.add("a", BOTH, rows)
    half = TRAIN._replace(draw=Draw(0.2, 0.4, 1))
    work.split(half)
    dropped = homes(work)
    work.split(half._replace(sameness=Sameness(drop=False)))
    kept = homes(work)
    assert dropped[40:80] == [["E056"]] * 40
    assert (dropped[:40], dropped[80:]) == (kept[:40], kept[80:])
    assert kept[:40] == kept[40:80] == kept[80:]


@pytest.mark.parametrize("code", ["E211", "E056", "E206"])
def test_the_policy_may_stop_the_run(work: Workplace, code):
    repeated = row("a", 3, "Who?")
    repeated.id = "a/00000001"
    third = {"E211": repeated, "E056": row("a", 3), "E206": row("a", 3, answer="Because.")}[code]
    work.add("a", ["sft"], [row("a", 1), row("a", 2, "When?")], [third])
    if code == "E206":
        work.add("bench", ["eval"], [row("bench", 1, answer="Hm.")])
        third.id = "a/00000003"
    with pytest.raises(PipelineError, match=rf"The run stops here by validate\.policy\.{code}: fail") as caught:
        work.split(TRAIN._replace(policy=Policy({code: "fail"})))
    assert caught.value.code == ExitCode.DATA
    assert not (work.output / "train.jsonl").exists()
    work.split(TRAIN)


LONG = "The quick brown fox jumps over the lazy dog, and the dog, being lazy, sleeps on beside the river {}."


def test_near_duplicates_stay_together_and_are_told(work: Workplace):
    near = TRAIN._replace(draw=Draw(0, 0.5, 1), sameness=Sameness(near=0.8))
    texts = [LONG.format(f"{n}{n + 1}{n + 2}") for n in range(8)]
    rng = random.Random(1)
    others = ["".join(rng.choices(string.ascii_lowercase, k=90)) for _ in range(40)]
    work.add("a", BOTH, [row("a", n, text) for n, text in enumerate([*texts, *others], 1)])
    manifest = work.split(near)
    ledger = work.rows("ledger")
    assert len({tuple(line["split"]) for line in ledger[:8]}) == 1
    assert len({tuple(line["split"]) for line in ledger[8:]}) == 2
    assert [line["codes"] for line in ledger] == [[], *[["E230"]] * 7, *[[]] * 40]
    assert (ledger[1]["verdict"], ledger[1]["message"]) == (
        "accepted",
        "data/a.jsonl:2: warning: says nearly the same as data/a.jsonl:1, so both are on one side of the split. "
        "Remove one of the two if they mean the same.",
    )
    assert manifest["sources"]["a"]["codes"] == {"E230": 7}
    assert manifest["near_duplicates"] == 0.8
    work.split(near._replace(policy=Policy({"E230": "ignore"})))
    assert {line["message"] for line in work.rows("ledger")} == {""}
    work.split(near._replace(sameness=Sameness()))
    assert len({tuple(line["split"]) for line in work.rows("ledger")[:8]}) == 2


def test_texts_about_other_media_are_no_near_duplicates(work: Workplace):
    rows = [
        row("a", line, f"<audio>{LONG.format(line)}", audios=[f"/r/{path}"]) for line, path in enumerate("xxy", 1)
    ]
    work.add("a", BOTH, rows)
    work.split(TRAIN._replace(sameness=Sameness(near=0.8)))
    assert [line["codes"] for line in work.rows("ledger")] == [[], ["E230"], []]
