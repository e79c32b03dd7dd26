"""From validated shards to train, val, test, ledger and manifest."""

import hashlib
import json
from pathlib import Path

import pytest
from split_workplace import RULES, SPLITS, Workplace, many, record, rejected

from omnitune.errors import ExitCode, PipelineError
from omnitune.records import Message, Record
from omnitune.validation import split
from omnitune.validation.assignment import FILES
from omnitune.validation.groups import Draw


@pytest.fixture
def work(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def test_every_row_goes_to_one_file_in_source_order(work: Workplace):
    work.add("a", ["sft", "eval"], many("a")[:30], many("a")[30:])
    work.add("b", ["sft", "eval"], many("b"))
    work.split()
    found = [row for name in SPLITS for row in work.rows(name)]
    assert sorted(row["id"] for row in found) == sorted(row.id for row in many("a") + many("b"))
    for name in SPLITS:
        places = [(row["source"], row["line"]) for row in work.rows(name)]
        assert places
        assert places == sorted(places)
    ledger = {row["id"]: row["split"] for row in work.rows("ledger")}
    assert ledger == {row["id"]: [name] for name in SPLITS for row in work.rows(name)}


def test_training_rows_hold_what_ms_swift_reads(work: Workplace):
    extra = record("a", 61, "/r/x.wav", solution="42", extra={"level": 3}, repairs=["E051"])
    work.add("a", ["sft", "eval"], [*many("a"), extra])
    work.split()
    (row,) = [row for name in SPLITS for row in work.rows(name) if row["line"] == 61]
    assert row == {
        "id": "a/00000061",
        "source": "a",
        "line": 61,
        "task": "task-a",
        "messages": [{"role": "user", "content": "<audio>a61?"}, {"role": "assistant", "content": "So."}],
        "audios": ["/r/x.wav"],
        "solution": "42",
    }


@pytest.mark.parametrize(
    ("use", "splits"), [(["sft", "eval"], set(SPLITS)), (["eval"], {"test"}), (["sft"], {"train", "val"})]
)
def test_a_sources_use_decides_what_its_rows_become(work: Workplace, use, splits):
    work.add("other", ["sft", "eval"], many("other"))
    work.add("a", use, many("a"))
    work.split()
    assert {name for name in SPLITS for row in work.rows(name) if row["source"] == "a"} == splits


def test_rows_that_share_media_with_the_test_are_not_trained_on(work: Workplace):
    work.add("train", ["sft"], [*many("train"), record("train", 70, "/r/shared.wav", repairs=["E051"])])
    work.add("bench", ["eval"], [record("bench", 1, "/r/shared.wav")])
    manifest = work.split()
    (row,) = [row for row in work.rows("ledger") if row["id"] == "train/00000070"]
    assert (row["verdict"], row["codes"], row["split"]) == ("rejected", ["E051", "E206"], [])
    assert row["message"].startswith("data/train.jsonl:70: shares its media or question with a test row, so it")
    assert work.lines("test") == [1]
    assert 70 not in work.lines("train") + work.lines("val")
    counts = manifest["sources"]["train"]
    assert (counts["read"], counts["accepted"], counts["repaired"], counts["rejected"]) == (61, 60, 0, 1)


def test_a_row_that_ties_two_sides_is_told(work: Workplace):
    rows = many("a")
    work.add("a", ["sft", "eval"], rows)
    work.split()
    one, other = (f"/r/a/{work.lines(side)[0]}.wav" for side in ("train", "test"))
    before = {name: work.lines(name) for name in SPLITS}
    work.sources.clear()
    work.add("a", ["sft", "eval"], [*rows, record("a", 61, one, other)])
    manifest = work.split(RULES._replace(max_rejected=0))
    assert {name: work.lines(name) for name in SPLITS} == before
    assert work.rows("ledger")[60] == {
        "source": "a",
        "line": 61,
        "id": "a/00000061",
        "verdict": "rejected",
        "codes": ["E216"],
        "message": "data/a.jsonl:61: shares its media, or nearly its text, with rows on two sides of the split, "
        "so it can be on none. Nothing to do, or give each row media of its own.",
        "split": [],
    }
    assert manifest["sources"]["a"]["codes"] == {"E216": 1}


def test_each_file_opens_with_a_row_of_every_column(work: Workplace):
    """A reader takes a file's columns from its first megabytes; one that comes later would stop it."""
    plain = many("a")
    late = [
        Record(
            f"b/{line}",
            "b",
            line,
            "t",
            [Message("user", f"<image>{line}")],
            images=[f"/r/b{line}"],
            solution="x",
        )
        for line in range(1, 61)
    ]
    work.add("a", ["sft", "eval"], plain)
    work.add("b", ["sft", "eval"], late)
    work.split()
    for name in SPLITS:
        rows = work.rows(name)
        assert {key for row in rows[:2] for key in row} == {key for row in rows for key in row}
        assert [row["source"] for row in rows[2:]] == sorted(row["source"] for row in rows[2:])
        assert len({row["id"] for row in rows}) == len(rows)


def test_the_manifest_says_what_is_there(work: Workplace):
    work.add("a", ["sft", "eval"], [*many("a"), rejected("a", 61), rejected("a", 62)])
    work.split()
    text = (work.output / "manifest.json").read_text()
    manifest = json.loads(text)
    rows = {name: len(work.rows(name)) for name in FILES}
    for name in (*FILES, "ledger"):
        content = (work.output / f"{name}.jsonl").read_bytes()
        assert manifest["files"][f"{name}.jsonl"] == {
            "sha256": hashlib.sha256(content).hexdigest(),
            "rows": content.count(b"\n"),
        }
    assert manifest["sources"] == {
        "a": {
            "read": 62,
            "accepted": 60,
            "repaired": 0,
            "rejected": 2,
            "duplicate": 0,
            "codes": {"E041": 2},
            **rows,
        }
    }
    assert (manifest["tasks"], manifest["modalities"]) == ({"task-a": rows}, {"audio": rows})
    assert (manifest["version"], manifest["seed"]) == (split.VERSION, 17)
    assert (manifest["val"], manifest["test"]) == (0.1, 0.3)
    assert str(work.folder) not in text


def test_equal_input_gives_equal_bytes(work: Workplace):
    work.add("a", ["sft", "eval"], many("a"))
    work.split()
    first = {path.name: path.read_bytes() for path in work.output.iterdir()}
    work.split()
    assert {path.name: path.read_bytes() for path in work.output.iterdir()} == first


def test_too_many_rejected_rows_stop_the_run_with_reasons(work: Workplace):
    bad = [rejected("a", line, "E041" if line % 3 else "E061") for line in range(1, 7)]
    work.add("a", ["sft", "eval"], [*many("a", 94), *bad])
    with pytest.raises(PipelineError) as caught:
        work.split(RULES._replace(max_rejected=0.05))
    assert caught.value.code == ExitCode.DATA
    assert str(caught.value).splitlines() == [
        "sources.a: 6 of 100 rows are rejected (6.0 %, allowed are 5 %):",
        "  4 x more markers than media (E041): data/a.jsonl:1: 2 markers but 1 file. Add it.",
        "  2 x no such file (E061): data/a.jsonl:3: 2 markers but 1 file. Add it. ",
        "Mend the rows (the ledger lists them all), or raise validate.max_rejected.",
    ]
    assert not work.output.exists()
    work.split(RULES._replace(max_rejected=0.06))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "sources.b: has no rows."),
        (
            [rejected("b", 1)],
            "sources.b: none of its 1 rows can be used:\n  1 x more markers than media (E041): data/b",
        ),
    ],
)
def test_a_source_without_a_usable_row_stops_the_run(work: Workplace, rows, message):
    work.add("a", ["sft", "eval"], many("a"))
    work.add("b", ["sft", "eval"], rows)
    with pytest.raises(PipelineError) as caught:
        work.split(RULES._replace(max_rejected=1.0))
    assert caught.value.code == ExitCode.DATA
    assert str(caught.value).startswith(message)


def test_an_id_in_two_shards_is_good_once(work: Workplace):
    rows = many("a")
    rows[2].id = rows[40].id = "a/x"
    work.add("a", ["sft", "eval"], rows[:30], rows[30:])
    manifest = work.split()
    ledger = {row["line"]: row for row in work.rows("ledger")}
    assert (ledger[3]["verdict"], ledger[41]["verdict"]) == ("accepted", "rejected")
    assert (ledger[41]["codes"], ledger[41]["split"]) == (["E211"], [])
    assert ledger[41]["message"] == (
        "data/a.jsonl:41 (id x): the id is used at line 3 already. Give every row its own id, or none."
    )
    assert 41 not in [line for name in SPLITS for line in work.lines(name)]
    assert (manifest["sources"]["a"]["accepted"], manifest["sources"]["a"]["rejected"]) == (59, 1)


def test_repeated_ids_count_as_rejected_rows(work: Workplace):
    rows = many("a")
    for row in rows[30:]:
        row.id = rows[row.line - 31].id
    work.add("a", ["sft", "eval"], rows[:30], rows[30:])
    with pytest.raises(PipelineError) as caught:
        work.split(RULES._replace(max_rejected=0.4))
    assert caught.value.code == ExitCode.DATA
    assert str(caught.value).startswith(
        "sources.a: 30 of 60 rows are rejected (50.0 %, allowed are 40 %):\n"
        "  30 x repeated id (E211): data/a.jsonl:31"
    )
    assert not (work.output / "train.jsonl").exists()
    work.split(RULES._replace(max_rejected=0.5))


def test_a_rejected_row_ties_nothing(work: Workplace):
    """A row whose id was used before is not there: shards change nothing."""
    rows = many("a")
    tie = record("a", 61, *(row.audios[0] for row in rows), id="a/00000001")
    work.add("a", ["sft", "eval"], rows)
    work.split()
    before = {name: work.lines(name) for name in SPLITS}
    work.sources.clear()
    work.add("a", ["sft", "eval"], rows, [tie])
    work.split()
    assert {name: work.lines(name) for name in SPLITS} == before


def test_nothing_to_train_on_stops_the_run(work: Workplace):
    work.add("a", ["eval"], many("a"))
    with pytest.raises(PipelineError, match="no row is left to train on") as caught:
        work.split()
    assert caught.value.code == ExitCode.DATA


def test_an_empty_test_stops_the_run_when_it_is_needed(work: Workplace, capsys):
    work.add("a", ["sft"], many("a"))
    with pytest.raises(PipelineError) as caught:
        work.split()
    assert str(caught.value) == (
        "split.test: the test set is empty, so there is nothing to run and score the models on. "
        "Raise split.test, or add eval to a source's use:."
    )
    assert caught.value.code == ExitCode.CONFIG
    assert work.split(RULES._replace(need_test=False))["files"]["test.jsonl"]["rows"] == 0


@pytest.mark.parametrize(("val", "warned"), [(1e-9, True), (0, False), (0.3, False)])
def test_an_empty_val_is_a_warning_unless_it_was_asked_for(work: Workplace, capsys, val, warned):
    work.add("a", ["sft", "eval"], many("a"))
    work.split(RULES._replace(draw=Draw(val, 0.3, 17)))
    assert ("warning: split.val: the validation set is empty" in capsys.readouterr().err) == warned


def test_a_source_that_no_stage_reads_is_refused(work: Workplace):
    work.add("a", ["pretrain"], many("a"))
    with pytest.raises(
        PipelineError, match=r"sources\.a\.use: its rows may become pretrain, which no stage reads"
    ):
        work.split()


@pytest.mark.parametrize("end", [slice(None, -1), slice(1, None)])
def test_records_and_ledger_must_tell_the_same_story(work: Workplace, end):
    work.add("a", ["sft", "eval"], many("a"))
    ledger = Path(work.sources[0].ledger[0])
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[end]))
    with pytest.raises(PipelineError, match="does not list the same rows as") as caught:
        work.split()
    assert caught.value.code == ExitCode.DATA
    assert not (work.output / "train.jsonl").exists()


def test_a_failed_split_leaves_the_old_one(work: Workplace, monkeypatch):
    work.add("a", ["sft", "eval"], many("a"))
    work.split()
    first = {path.name: path.read_bytes() for path in work.output.iterdir()}
    monkeypatch.setattr(split, "_training_row", lambda record: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        work.split()
    assert {path.name: path.read_bytes() for path in work.output.iterdir()} == first


def test_prompts_leave_their_answer_and_keep_their_columns(work: Workplace):
    rows = many("a")
    rows[0].extra = {"answers": [1, "two"], "day": "2026-01-31", "objects": {"ref": []}}
    rows[1].messages.pop()
    rows[2].solution = "given"
    work.add("a", ["sft", "grpo", "eval"], rows)
    manifest = work.split()
    prompts = {row["line"]: row for row in work.rows("grpo")}
    assert set(prompts) == {*work.lines("train"), *work.lines("val")}
    assert not set(prompts) & set(work.lines("test"))
    for row in prompts.values():
        assert [message["role"] for message in row["messages"]] == ["user"]
        assert not {"answers", "day", "objects"} & set(row)
    columns = {line: json.loads(row["columns"]) for line, row in prompts.items()}
    if 1 in columns:
        assert columns[1] == rows[0].extra | {"solution": "So."}
    assert {row.get("solution") for line, row in prompts.items() if line not in (2, 3)} == {"So."}
    assert prompts[3]["solution"] == columns[3]["solution"] == "given" if 3 in prompts else True
    answered = sum(line != 2 for line in prompts)
    assert (manifest["files"]["grpo.jsonl"]["rows"], manifest["solutions"]) == (len(prompts), answered)
    ledger = {row["line"]: row["split"] for row in work.rows("ledger")}
    assert all(ledger[line] in (["train", "grpo"], ["val", "grpo"]) for line in prompts)


def test_a_source_for_grpo_alone_is_not_trained_on_otherwise(work: Workplace):
    work.add("a", ["sft", "eval"], many("a"))
    work.add("b", ["grpo"], many("b"))
    work.split()
    assert {row["source"] for name in SPLITS for row in work.rows(name)} == {"a"}
    assert {row["source"] for row in work.rows("grpo")} == {"b"}


def test_a_solution_that_is_no_date_comes_first(work: Workplace):
    rows = many("a")
    for row in rows:
        row.solution = f"2026-01-{row.line % 28 + 1:02d}"
    rows[-1].solution = "in spring"
    work.add("a", ["grpo"], rows)
    work.split(RULES._replace(need_train=False, need_test=False))
    assert "in spring" in [row["solution"] for row in work.rows("grpo")[:2]]
