"""Unified rows and their templates."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_files import write_jsonl

from omnitune import converters
from omnitune.converters.templates import Templates, fill, mistakes
from omnitune.records import Message, Unread

PROMPT = Templates("{modality_tag}{text}", None)


@pytest.fixture
def unified(data: Path):
    """Convert one unified row with the given templates."""

    def one(row, templates: Templates = Templates(), **more):  # noqa: B008
        path = write_jsonl(data / "rows.jsonl", [row])
        source = converters.open_source(
            "s", path, "t", {}, [data], data.parent / "embedded", templates=templates, **more
        )
        (converted,) = converters.convert_rows(source, "unified")
        return converted

    return one


def test_markers_stand_in_the_order_audio_video_image(unified, data: Path):
    record = unified({"text": "x", "image": ["i.png", "j.png"], "audio": "a.wav", "video": "v.mp4"})
    assert record.messages[0] == Message("user", "<audio><video><image><image>Describe the content.")
    assert (record.images, record.audios) == ([str(data / "i.png"), str(data / "j.png")], [str(data / "a.wav")])


def test_markers_in_the_text_are_not_placed_again(unified):
    record = unified(
        {"text": "Is <audio> this <image>?", "image": "i.png", "audio": "a.wav", "video": "v.mp4"}, PROMPT
    )
    assert record.messages == [Message("user", "<video>Is <audio> this <image>?")]


@pytest.mark.parametrize(
    ("row", "templates", "contents"),
    [
        ({"text": "hi", "audio": "a.wav"}, Templates(), ["<audio>Describe the content.", "hi"]),
        ({"text": "hi"}, Templates("Tell a joke."), ["Tell a joke.", "hi"]),
        ({"text": "{modality_tag} {text} {x}"}, PROMPT, ["{modality_tag} {text} {x}"]),
        ({"text": "7"}, Templates("Q", "\\boxed{{text}}"), ["Q", "\\boxed{7}"]),
        ({"text": 7}, Templates("Q", '{"a": "{text}"}'), ["Q", '{"a": "7"}']),
        ({"text": "hi", "solution": "s"}, Templates("Q", None), ["Q"]),
        ({"solution": "s"}, Templates("Q"), ["Q"]),
        ({}, Templates("Q", "always"), ["Q", "always"]),
    ],
)
def test_turns(unified, row, templates: Templates, contents: list[str]):
    assert [message.content for message in unified(row, templates).messages] == contents


@pytest.mark.parametrize("row", [{}, {"text": None}, {"text": " \n"}, {"audio": "a.wav"}])
@pytest.mark.parametrize("templates", [Templates(), PROMPT])
def test_a_row_without_a_text_never_gets_an_empty_turn(unified, row, templates: Templates):
    assert unified(row, templates).error == "E209"


@pytest.mark.parametrize(
    ("row", "fix"),
    [
        ({"text": "hi", "wav": "a.wav", "n": 1}, "Set columns: {wav: audio}."),
        ({"text": "hi", "n": 1}, "Map the column that names the file with columns:, or set user_template"),
    ],
)
def test_a_question_about_a_medium_needs_one(unified, row, fix: str):
    unread = unified(row)
    assert unread.error == "E201"
    assert f"the row has no medium, and the question is about one. {fix}" in unread.message


@pytest.mark.parametrize(
    ("row", "fix"),
    [
        ({"data": [{"text": "hi"}], "version": 1}, 'The rows seem to lie under "data": write them as a list'),
    ],
)
def test_a_text_that_is_elsewhere_is_looked_for(unified, row, fix: str):
    assert unified(row).message.startswith(f'no column that is read: the row has "data", "version". {fix}')


def test_a_misspelt_column_is_not_dropped(unified, data: Path):
    record = unified({"ID": "1", "Text": "hi", "Audio": "a.wav"})
    assert (record.id, record.audios, record.repairs) == ("s/1", [str(data / "a.wav")], ["E039"])
    unread = unified({"text": "hi", "audio": "a.wav", "vdeo": "v.mp4"})
    assert (unread.error, unread.message) == ("E039", '"vdeo" is no column that is read. Did you mean "video"?')


def test_a_text_that_no_turn_holds_is_kept(unified):
    prompt = unified({"text": "7", "audio": "a.wav"}, Templates(assistant=None))
    assert (prompt.solution, prompt.extra) == ("7", {})
    solved = unified({"text": "7", "solution": "8", "audio": "a.wav"}, Templates(assistant=None))
    assert (solved.solution, solved.extra) == ("8", {"text": "7"})
    fixed = unified({"text": "7", "audio": "a.wav"}, Templates(assistant="yes"))
    assert (fixed.messages[-1].content, fixed.solution, fixed.extra) == ("yes", None, {"text": "7"})


def test_a_solution_does_not_stand_for_the_question(unified):
    assert unified({"solution": "7"}, PROMPT).error == "E209"


@pytest.mark.parametrize("own", [None, "own"])
def test_the_sources_system_is_for_rows_without_one(unified, own):
    record = unified({"text": "x", "audio": "a.wav", "system": own}, system="ours")
    assert record.messages[0] == Message("system", own or "ours")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("{}textmodality_ag"), max_size=20))
def test_what_a_text_holds_is_never_interpreted(text: str):
    assert fill("<{text}>{modality_tag}", text, "T") == f"<{text}>T"


@pytest.mark.parametrize(
    ("templates", "found"),
    [
        (Templates(), []),
        (PROMPT, []),
        (Templates("{tex}"), [("user_template", "has the placeholder {tex}. Did you mean {text}?")]),
        (
            Templates("{foo}", "{modality_tag}"),
            [
                ("user_template", "has the placeholder {foo}. It may hold {modality_tag} and {text}."),
                ("assistant_template", "has the placeholder {modality_tag}. It may hold {text}."),
            ],
        ),
        (
            Templates("{text}", "{text}"),
            [
                (
                    "assistant_template",
                    "holds {text}, and so does user_template: the question would hold the answer. "
                    "Take it out of one.",
                )
            ],
        ),
    ],
)
def test_templates_that_would_make_wrong_turns(templates: Templates, found):
    assert list(mistakes(templates)) == found


@pytest.mark.parametrize(
    ("row", "shape"),
    [
        ({"messages": [], "question": "x"}, "messages"),
        ({"conversations": [], "text": "x"}, "messages"),
        ({"messages": None, "question": "x"}, "qa"),
        ({"question": None, "text": None}, "qa"),
        ({"answer": "x"}, "unified"),
        ({}, "unified"),
    ],
)
def test_the_columns_give_the_shape(row, shape: str):
    assert converters.shape_of(row) == shape


@pytest.mark.parametrize(
    ("cell", "audios"),
    [
        ("a.wav", ["a.wav"]),
        ('["a.wav", "b.wav"]', ["a.wav", "b.wav"]),
        ("['a.wav', 'b.wav']", ["a.wav", "b.wav"]),
        ("[x].wav", ["[x].wav"]),
        ("[{[]: 1}].wav", ["[{[]: 1}].wav"]),
        ("[{[]: 1}]", ["[{[]: 1}]"]),
    ],
)
@pytest.mark.parametrize("column", ["audio", "audios"])
def test_a_cell_holds_a_path_or_a_list_of_them(data: Path, cell: str, audios: list[str], column: str):
    for name in ("[x].wav", "[{[]: 1}].wav", "[{[]: 1}]"):  # (names that a reader of Python stumbles over)
        (data / name).write_bytes(b"media")
    path = data / "rows.csv"
    path.write_text(f'question,answer,{column},note\nQ,A,"{cell.replace(chr(34), chr(34) * 2)}",\n')
    source = converters.open_source("s", path, "t", {}, [data], data.parent / "embedded")
    (record,) = converters.convert_rows(source, "csv")
    assert not isinstance(record, Unread), record
    assert record.audios == [str(data / name) for name in audios]
    assert (record.repairs, record.extra) == ([], {})


def test_turns_in_a_cell(data: Path):
    path = data / "rows.csv"
    path.write_text('messages\n"[{""role"": ""user"", ""content"": ""Q""}]"\nnone\n')
    source = converters.open_source("s", path, "t", {}, [data], data.parent / "embedded")
    record, unread = converters.convert_rows(source, "csv")
    assert record.messages == [Message("user", "Q")]
    assert (unread.error, unread.line) == ("E027", 3)
