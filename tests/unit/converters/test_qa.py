"""Question-and-answer rows."""

from pathlib import Path

import pytest

from omnitune.records import Message, Unread


@pytest.mark.parametrize(
    ("row", "contents"),
    [
        ({"question": "Why?", "answer": "So."}, ["Why?", "So."]),
        ({"question": "Why?"}, ["Why?"]),
        ({"question": "Why?", "answer": None}, ["Why?"]),
        ({"question": "Why?", "answer": ""}, ["Why?", ""]),
        ({"system": "Be brief.", "question": "Why?"}, ["Be brief.", "Why?"]),
        ({"question": "Why?", "image": "i.png"}, ["<image>Why?"]),
        ({"question": "Why?", "image": ["i.png", "j.png"]}, ["<image><image>Why?"]),
        (
            {"question": "Why?", "video": "v.mp4", "audio": "a.wav", "image": "i.png"},
            ["<image><audio><video>Why?"],
        ),
        ({"question": "See <image> and hear <audio>?", "image": "i.png", "audio": "a.wav"}, None),
        ({"question": "<image><image>?", "image": "i.png"}, None),
        ({"question": "Hear <audio>?", "image": "i.png", "audio": "a.wav"}, ["<image>Hear <audio>?"]),
    ],
)
def test_media_go_before_the_question_unless_it_places_them(convert, row, contents):
    record = convert(row, "qa")
    assert [message.content for message in record.messages] == (contents or [row["question"]])


def test_media_are_found_and_other_columns_kept(convert, data: Path):
    record = convert({"question": "Why?", "answer": "So.", "audio": ["b.wav", "a.wav"], "topic": "x"}, "qa")
    assert record.audios == [str(data / "b.wav"), str(data / "a.wav")]
    assert (record.extra, record.repairs) == ({"topic": "x"}, [])


def test_columns_are_renamed(convert):
    row = {"prompt": "Why?", "target": "So.", "result": "42", "key": "k7"}
    columns = {"prompt": "question", "target": "answer", "result": "solution", "key": "id"}
    record = convert(row, "qa", columns)
    assert record.messages == [Message("user", "Why?"), Message("assistant", "So.")]
    assert (record.solution, record.id, record.extra) == ("42", "s/k7", {})


@pytest.mark.parametrize(
    ("more", "question"), [("1, 2", "Add these.\n1, 2"), ("", "Add these."), (" ", "Add these.")]
)
def test_the_input_of_an_instruction_is_asked_too(convert, more, question):
    """Alpaca's rows part a question in two; ms-swift joins them so."""
    record = convert({"instruction": "Add these.", "input": more, "output": "3"}, "qa")
    assert [message.content for message in record.messages] == [question, "3"]
    assert record.extra == {}
    other = convert({"question": "Why?", "input": "a column of mine", "answer": "So."}, "qa")
    assert (other.messages[0].content, other.extra) == ("Why?", {"input": "a column of mine"})


def test_a_whole_number_is_written_out_and_reported(convert):
    record = convert({"question": "3 + 4?", "answer": 7, "solution": 7}, "qa")
    assert (record.messages[-1].content, record.solution, record.repairs) == ("7", "7", ["E202"])


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        ({"answer": "So."}, "E201", '"question" is missing or empty. Fill the question, or map its column'),
        ({"question": " "}, "E201", '"question" is missing or empty.'),
        ({"question": "Why?", "answer": [0.5]}, "E202", '"answer" is [0.5], not text.'),
        ({"question": "Why?", "answer": True}, "E202", '"answer" is true, not text.'),
    ],
)
def test_what_is_wrong_with_a_row_is_said(convert, row, code, message):
    unread = convert(row, "qa")
    assert isinstance(unread, Unread)
    assert unread.error == code
    assert unread.message.startswith(message)


def test_a_column_mapped_onto_another_is_refused(convert):
    unread = convert({"prompt": "Why?", "question": "How?"}, "qa", {"prompt": "question"})
    assert (unread.error, unread.message) == (
        "E204",
        'columns "prompt" and "question" both give "question". Remove one of the two columns, or the mapping.',
    )
