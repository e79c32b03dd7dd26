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
    ("more", "question"), [("1, 2", "Add these.\n1, 2"), ("", "Add these."), (" ", "Add these.\n ")]
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


def turns(*texts: str) -> list[Message]:
    return [Message(("user", "assistant")[number % 2], text) for number, text in enumerate(texts)]


# Rows as ms-swift's own preprocessors take them; test_as_ms_swift.py asks those.
@pytest.mark.parametrize(
    ("row", "texts", "extra"),
    [
        ({"query": "q", "response": "a", "history": [["b", "c"]]}, "bcqa", {}),
        ({"query": "q", "response": "a", "history": "[['b', 'c'], ['d', None]]"}, None, {}),
        ({"query": "q", "response": "a", "history": '[["b", "c"], ["d", "e"]]'}, "bcdeqa", {}),
        ({"query": "q", "response": "a", "history": []}, "qa", {}),
        ({"query": "q", "response": ["a", "b"]}, "qa", {}),
        ({"prompt": "q", "completion": "a"}, "qa", {}),
        ({"query": "q", "targets": "a"}, "qa", {}),
        ({"problem": "q", "answer": "a"}, "qa", {}),
        ({"problem": "q", "solution": "a"}, "qa", {}),
        ({"problem": "q", "solution": 7}, "q7", {}),
        ({"input": "q", "output": "a"}, "qa", {}),
        ({"question": "q", "text": "a"}, "qa", {}),
        ({"query": "q", "text": "a"}, "qa", {}),
        ({"prompt": "q", "content": "a"}, "qa", {}),
        ({"instruction": "", "input": "q", "output": "a"}, "qa", {}),
        ({"query": "q", "response": "a", "answer": "x", "question": "y"}, "qa", {"answer": "x", "question": "y"}),
        ({"query": "q", "response": "a", "output": "x"}, "qa", {"output": "x"}),
        (
            {"question": "q", "answer": "a", "text": {"x": 1}, "content": "y"},
            "qa",
            {"text": {"x": 1}, "content": "y"},
        ),
        ({"prompt": "q", "input": "x", "output": "a"}, "qa", {"input": "x"}),
    ],
)
def test_names_of_ms_swift_mean_what_they_mean_there(convert, row, texts, extra):
    record = convert(row, "jsonl")
    assert record.messages == (turns(*texts) if texts else [*turns("b", "c", "d"), *turns("q", "a")])
    assert record.extra == extra
    assert (record.solution is not None) == ("solution" in row)


def test_a_column_that_the_config_maps_comes_first(convert):
    row = {"q": "Why?", "a": "So.", "query": "x", "response": "y", "text": "z"}
    record = convert(row, "jsonl", {"q": "question", "a": "answer"})
    assert (record.messages, record.extra) == (turns("Why?", "So."), {"query": "x", "response": "y", "text": "z"})
    record = convert({"t": "Ada", "audio": "a.wav", "prompt": "x"}, "jsonl", {"t": "text"})
    assert (record.messages[-1].content, record.extra) == ("Ada", {"prompt": "x"})


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        ({"history": [["b"]]}, "E027", '"history" is [["b"]]. Give it as a list of [question, answer]'),
        ({"history": "so it was"}, "E027", '"history" is "so it was".'),
        ({"history": [[1, "b"]]}, "E030", '"history" holds 1, not text.'),
        ({"response": []}, "E202", '"answer" is [], not text.'),
    ],
)
def test_what_ms_swift_fails_on_is_said(convert, row, code, message):
    unread = convert({"query": "q", "response": "a"} | row, "jsonl")
    assert (unread.error, unread.message[: len(message)]) == (code, message)


def test_turns_before_the_question_place_their_media_themselves(convert):
    row = {"query": "And?", "response": "a", "history": [["<image>Who?", "Ada"]], "images": ["i.png"]}
    assert [message.content for message in convert(row, "jsonl").messages] == ["<image>Who?", "Ada", "And?", "a"]
    row["history"] = [["Who?", "Ada"]]
    assert convert(row, "jsonl").messages[2].content == "And?"


def test_turns_that_would_be_lost_are_noted(convert):
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    assert convert(row | {"history": [["b", "c"]]}).repairs == ["E213"]
    assert convert(row | {"history": []}).repairs == []
