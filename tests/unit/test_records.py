"""The canonical record and its files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnitune.records import (
    LedgerRow,
    Message,
    Record,
    Unread,
    encode,
    read_converted,
    read_ledger,
    read_records,
)


def record(**fields) -> Record:
    turns = [Message("user", "<image>Why?"), Message("assistant", "So.")]
    return Record(**{"id": "s/1", "source": "s", "line": 1, "task": "t", "messages": turns} | fields)


def test_a_converted_file_keeps_records_and_unread_rows_in_order(tmp_path: Path):
    rows = [record(images=["/a.png"], extra={"level": [1]}), Unread("s", 2, "E001", "broken"), record(line=3)]
    (tmp_path / "c.jsonl").write_bytes(b"".join(map(encode, rows)))
    assert list(read_converted(tmp_path / "c.jsonl")) == rows


def test_a_ledger_comes_back_as_it_was_written(tmp_path: Path):
    rows = [LedgerRow("s", 1, "s/1", "rejected", ["E001"], "broken"), LedgerRow("s", 2, "s/2", "accepted")]
    (tmp_path / "l.jsonl").write_bytes(b"".join(map(encode, rows)))
    assert list(read_ledger(tmp_path / "l.jsonl")) == rows


@given(content=st.text(), solution=st.none() | st.text(), extra=st.dictionaries(st.text(), st.integers()))
def test_any_text_survives_the_file(tmp_path_factory, content, solution, extra):
    path = tmp_path_factory.getbasetemp() / "records.jsonl"
    given_record = record(messages=[Message("user", content)], solution=solution, extra=extra)
    path.write_bytes(encode(given_record))
    assert list(read_records(path)) == [given_record]


def test_absent_columns_are_not_written():
    assert encode(record()) == (
        b'{"id":"s/1","source":"s","line":1,"task":"t","messages":[{"role":"user","content":"<image>Why?"},'
        b'{"role":"assistant","content":"So."}]}\n'
    )


@pytest.mark.parametrize(
    ("fields", "modality"),
    [
        ({}, "text"),
        ({"videos": ["/v"]}, "video"),
        ({"audios": ["/a", "/b"], "images": ["/i"]}, "image+audio"),
    ],
)
def test_the_modality_names_every_kind_once(fields, modality):
    assert record(**fields).modality() == modality


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, "So."),
        ({"solution": "42"}, "42"),
        ({"messages": [Message("user", "Why?")]}, None),
        ({"messages": []}, None),
    ],
)
def test_the_answer_is_the_solution_or_the_last_assistant_turn(fields, answer):
    assert record(**fields).answer() == answer
