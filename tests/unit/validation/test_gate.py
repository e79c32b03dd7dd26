"""Verdicts, in order, one a row."""

from pathlib import Path

import pytest
from media_files import image, read_jsonl, video, wav

from omnitune.config.validate import ValidateConfig
from omnitune.errors import ExitCode, PipelineError
from omnitune.records import Facts, Message, Record, Unread, encode
from omnitune.validation.validate import Gate, Judged, validate_file


def record(line: int = 1, row_id: str = "", question: str = "Why?", **fields) -> Record:
    turns = [Message("user", question), Message("assistant", "So.")]
    return Record(f"s/{row_id or f'{line:08d}'}", "s", line, "t", turns, **fields)


def judge(gate: Gate, row: Record | Unread) -> Judged:
    (judged,) = gate.judge([row])
    return judged


def test_a_good_record_is_accepted_without_words():
    judged = judge(Gate("d.jsonl", ["sft"]), record(3, "a"))
    assert judged.record == record(3, "a", facts=Facts())
    assert (judged.ledger.verdict, judged.ledger.id, judged.ledger.codes) == ("accepted", "s/a", [])
    assert judged.ledger.message == ""


def test_a_repaired_record_says_what_was_put_right():
    judged = judge(Gate("d.jsonl", ["sft"]), record(3, "a", repairs=["E051", "E051", "E202"]))
    assert judged.record is not None
    assert (judged.ledger.verdict, judged.ledger.codes) == ("repaired", ["E051", "E202"])
    assert judged.ledger.message == "d.jsonl:3 (id a): put right: media list malformed, answer not text."


@pytest.mark.parametrize(
    ("row_id", "place"), [("a17", "data/train.jsonl:37 (id a17): "), ("", "data/train.jsonl:37: ")]
)
def test_a_rejected_record_says_what_where_and_what_to_do(row_id, place):
    judged = judge(Gate("data/train.jsonl", ["sft"]), record(37, row_id, "<audio><audio>", audios=["/a"]))
    assert judged.record is None
    assert (judged.ledger.verdict, judged.ledger.codes) == ("rejected", ["E041"])
    assert judged.ledger.message == (
        f'{place}2 <audio> markers but 1 entry in "audios". Add the missing path or remove the marker.'
    )


@pytest.mark.parametrize(("row_id", "ledger_id", "place"), [("", "s/00000004", ""), ("s/x", "s/x", " (id x)")])
def test_an_unread_row_is_rejected_with_its_reason(row_id, ledger_id, place):
    judged = judge(Gate("d.jsonl", ["sft"]), Unread("s", 4, "E001", "not valid JSON. Mend it.", row_id))
    assert judged.record is None
    assert (judged.ledger.id, judged.ledger.codes) == (ledger_id, ["E001"])
    assert judged.ledger.message == f"d.jsonl:4{place}: not valid JSON. Mend it."


def test_an_id_is_good_once():
    gate = Gate("d.jsonl", ["sft"], ValidateConfig())
    verdicts = [judge(gate, record(line, row_id)).ledger for line, row_id in ((1, "a"), (2, "b"), (3, "a"))]
    assert [verdict.verdict for verdict in verdicts] == ["accepted", "accepted", "rejected"]
    assert verdicts[2].message == (
        "d.jsonl:3 (id a): the id is used at line 1 already. Give every row its own id, or none."
    )
    with pytest.raises(PipelineError) as stop:
        Gate("d.jsonl", ["sft"], ValidateConfig(policy={"E211": "fail"})).judge([record(1, "a"), record(3, "a")])
    assert str(stop.value) == (
        "d.jsonl:3 (id a): the id is used at line 1 already. Give every row its own id, or none. "
        "The run stops here by validate.policy.E211: fail."
    )


@pytest.mark.parametrize(
    ("action", "verdict", "codes"), [("repair", "repaired", ["E051"]), ("reject", "rejected", ["E051"])]
)
def test_a_policy_decides_about_what_the_converter_put_right(action, verdict, codes):
    judged = judge(Gate("d.jsonl", ["sft"], ValidateConfig(policy={"E051": action})), record(repairs=["E051"]))
    assert (judged.ledger.verdict, judged.ledger.codes) == (verdict, codes)


@pytest.mark.parametrize("code", ["E051", "E032", "E213"])
def test_an_unread_row_is_rejected_whatever_the_policy(code):
    gate = Gate("d.jsonl", ["sft"], ValidateConfig(policy={"E213": "ignore"}))
    judged = judge(gate, Unread("s", 4, code, "beyond repair. Mend it."))
    assert (judged.ledger.verdict, judged.ledger.codes) == ("rejected", [code])
    assert judged.ledger.message == "d.jsonl:4: beyond repair. Mend it."


def test_what_was_put_right_is_told_and_not_written():
    found = {"E003": "the file begins with a mark", "E045": "in another order"}
    judged = judge(Gate("d.jsonl", ["sft"]), record(3, repairs=list(found), found=found))
    assert (judged.ledger.verdict, judged.ledger.codes) == ("repaired", ["E003", "E045"])
    assert judged.ledger.message == (
        "d.jsonl:3: put right: byte order mark (the file begins with a mark). "
        "warning: in another order. Nothing to do: the order counts within a kind."
    )
    assert judged.record is not None
    assert b"another" not in encode(judged.record)


def test_a_policy_may_say_nothing_about_a_file():
    gate = Gate("d.jsonl", ["sft"], ValidateConfig(policy={"E003": "ignore"}))
    judged = judge(gate, record(3, repairs=["E003"], found={"E003": "a mark"}))
    assert (judged.ledger.verdict, judged.ledger.codes, judged.ledger.message) == ("accepted", [], "")


def test_a_policy_lets_a_finding_stop_the_run():
    rows = [record(1), Unread("s", 2, "E001", "not valid JSON. Mend it.")]
    with pytest.raises(PipelineError) as stop:
        Gate("d.jsonl", ["sft"], ValidateConfig(policy={"E001": "fail"})).judge(rows)
    assert (stop.value.where, stop.value.code) == ("d.jsonl:2", ExitCode.DATA)
    assert stop.value.what == "not valid JSON. Mend it. The run stops here by validate.policy.E001: fail"


def test_media_are_opened(tmp_path: Path):
    gate = Gate("d.jsonl", ["sft"])
    good = {
        "audios": [str(wav(tmp_path / "a.wav"))],
        "images": [str(image(tmp_path / "i.png"))],
        "videos": [str(video(tmp_path / "v.mp4"))],
    }
    assert judge(gate, record(1, "", "<image><audio><video>", **good)).ledger.verdict == "accepted"
    (tmp_path / "bad.wav").write_text("<html>")
    judged = judge(gate, record(2, "", "<audio>", audios=[str(tmp_path / "bad.wav")]))
    assert judged.ledger.codes == ["E079"]
    assert judged.ledger.message == (
        f"d.jsonl:2: {tmp_path}/bad.wav is an HTML page, not a media file. "
        "Was it a failed download? Fetch the file again."
    )


@pytest.mark.parametrize(
    ("wanted", "sound", "codes"), [(True, False, ["E140"]), (True, True, []), (False, False, [])]
)
def test_a_video_needs_sound_when_its_sound_is_used(tmp_path: Path, wanted, sound, codes):
    path = video(tmp_path / "v.mp4", sound=sound)
    judged = judge(Gate("d.jsonl", ["sft"], audio_in_video=wanted), record(1, "", "<video>", videos=[str(path)]))
    assert judged.ledger.codes == codes


def test_a_files_rows_all_get_a_verdict_in_order(tmp_path: Path):
    rows = [record(1), Unread("s", 2, "E001", "broken."), record(3, "", ""), record(5, repairs=["E051"])]
    (tmp_path / "c.jsonl").write_bytes(b"".join(map(encode, rows)))
    output, ledger = tmp_path / "v" / "0.jsonl", tmp_path / "v" / "0.ledger.jsonl"
    counts = validate_file(Gate("d.jsonl", ["sft"]), tmp_path / "c.jsonl", output, ledger)
    assert counts == {"accepted": 1, "repaired": 1, "rejected": 2, "duplicate": 0}
    assert [row["line"] for row in read_jsonl(output)] == [1, 5]
    assert [(row["line"], row["verdict"]) for row in read_jsonl(ledger)] == [
        (1, "accepted"),
        (2, "rejected"),
        (3, "rejected"),
        (5, "repaired"),
    ]
