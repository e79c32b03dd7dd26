"""Conversations in ms-swift's, ShareGPT's and OpenAI's forms."""

import hashlib
import json
from pathlib import Path

import pytest
from media_files import base64_of, chat

from omnitune.records import Message, Record, Unread

ANSWERED = [Message("user", "Why?"), Message("assistant", "So.")]


def user_says(*parts) -> dict:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def test_a_swift_row_becomes_a_record(convert, data: Path):
    row = chat("<image><audio>Why?", id="x", images=["i.png"], audios=["a.wav"], level=3)
    assert convert(row) == Record(
        id="s/x",
        source="s",
        line=1,
        task="t",
        messages=[Message("user", "<image><audio>Why?"), Message("assistant", "So.")],
        images=[str(data / "i.png")],
        audios=[str(data / "a.wav")],
        extra={"level": 3},
    )


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        (chat(), ANSWERED),
        (chat(system="Be brief."), [Message("system", "Be brief."), *ANSWERED]),
        ({"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]}, ANSWERED),
        ({"messages": [{"from": "user", "value": "Why?"}, {"from": "assistant", "value": "So."}]}, ANSWERED),
        ({"conversations": [{"role": "user", "content": "Why?"}], "messages": None}, ANSWERED[:1]),
        (
            {"messages": [{"role": "user", "content": "Why?", "tool_calls": None, "refusal": None}]},
            ANSWERED[:1],
        ),
        (user_says({"type": "text", "text": "Wh"}, {"text": "y"}, "?"), ANSWERED[:1]),
        ({"messages": [{"role": "narrator", "content": ""}]}, [Message("narrator", "")]),
    ],
)
def test_turns_come_out_as_role_and_content(convert, row, messages):
    assert convert(row).messages == messages


@pytest.mark.parametrize(
    ("columns", "repairs"),
    [
        ({"audios": ["a.wav"]}, []),
        ({"audio": "a.wav"}, []),
        ({"audio": ["a.wav"], "audios": None, "images": []}, []),
        ({"audios": "a.wav"}, ["E051"]),
    ],
)
def test_a_lone_path_is_a_list_of_one(convert, data: Path, columns, repairs):
    record = convert(chat("<audio>", **columns))
    assert (record.audios, record.images, record.extra) == ([str(data / "a.wav")], [], {})
    assert record.repairs == repairs


@pytest.mark.parametrize(
    ("part", "content", "modality", "name"),
    [
        ({"type": "image_url", "image_url": {"url": "i.png", "detail": "low"}}, "<image>", "images", "i.png"),
        ({"type": "image_url", "image_url": "i.png"}, "<image>", "images", "i.png"),
        ({"type": "image", "image": "i.png"}, "<image>", "images", "i.png"),
        ({"type": "image", "url": "i.png"}, "<image>", "images", "i.png"),
        ({"type": "video_url", "video_url": {"url": "v.mp4"}}, "<video>", "videos", "v.mp4"),
        ({"type": "video", "path": "v.mp4"}, "<video>", "videos", "v.mp4"),
        ({"type": "audio_url", "audio_url": {"url": "a.wav"}}, "<audio>", "audios", "a.wav"),
        ({"type": "audio", "audio_url": "a.wav"}, "<audio>", "audios", "a.wav"),
    ],
)
def test_a_media_part_becomes_a_marker_and_a_path(convert, data: Path, part, content, modality, name):
    record = convert(user_says({"type": "text", "text": "See "}, part, {"type": "text", "text": "?"}))
    assert record.messages == [Message("user", f"See {content}?")]
    assert getattr(record, modality) == [str(data / name)]


def test_media_parts_keep_the_order_of_their_turns(convert, data: Path):
    first = {"role": "user", "content": [{"type": "audio", "audio": "b.wav"}]}
    second = {
        "role": "user",
        "content": [{"type": "audio", "audio": "a.wav"}, {"type": "image", "image": "i.png"}],
    }
    record = convert({"messages": [first, {"role": "assistant", "content": "So."}, second]})
    assert record.audios == [str(data / "b.wav"), str(data / "a.wav")]
    assert [message.content for message in record.messages] == ["<audio>", "So.", "<audio><image>"]


def test_a_part_without_a_value_stands_for_the_next_of_the_list(convert, data: Path):
    record = convert(user_says({"type": "image"}, {"type": "text", "text": "Why?"}) | {"images": ["i.png"]})
    assert (record.messages[0].content, record.images) == ("<image>Why?", [str(data / "i.png")])


@pytest.mark.parametrize("way", ["input_audio", "audio_url", "audios"])
def test_embedded_media_become_files_named_by_content(convert, data: Path, way):
    (data / "a.wav").write_bytes(b"some sound")
    payload = base64_of(data / "a.wav")
    url = f"data:audio/wav;base64,{payload}"
    rows = {
        "input_audio": user_says({"type": "input_audio", "input_audio": {"data": payload, "format": "wav"}}),
        "audio_url": user_says({"type": "audio_url", "audio_url": {"url": url}}),
        "audios": chat("<audio>", audios=[url]),
    }
    expected = data.parent / "embedded" / f"{hashlib.sha256(b'some sound').hexdigest()}.wav"
    assert convert(rows[way]).audios == [str(expected)]
    assert expected.read_bytes() == b"some sound"


def turns(*pairs: tuple[str, str]) -> list[dict]:
    return [{"role": role, "content": content} for role, content in pairs]


@pytest.mark.parametrize(
    ("row", "messages", "found"),
    [
        (
            {"messages": turns(("User ", "Why?"), ("bot", "So."))},
            ANSWERED,
            {"E032": 'the role "User " of turn 1 is read as "user"'},
        ),
        (
            {"messages": turns(("human", "Why?"), ("GPT", "So."))},
            ANSWERED,
            {"E032": 'the role "human" of turn 1 is read as "user"'},
        ),
        (
            {"messages": [{"Role": "user", "contents": "Why?"}, {"role": "assistant", "content": "So."}]},
            ANSWERED,
            {"E038": 'key "Role" of turn 1 is read as "role"'},
        ),
        (
            {"conversation": turns(("user", "Why?"), ("assistant", "So.")), "n": 1},
            ANSWERED,
            {"E039": 'column "conversation" is read as "messages"'},
        ),
        (
            {"messages": turns(("user", "Wh"), ("user", "y?"), ("assistant", "So."))},
            [Message("user", "Wh\ny?"), ANSWERED[1]],
            {"E034": "turns 1 and 2 are both the user's"},
        ),
        (
            user_says({"type": "text", "text": "Say <audio>"}, "<image>"),
            [Message("user", "Say <\u200daudio><\u200dimage>")],
            {"E044": "part 1 of turn 1 is text that holds <audio>, kept apart by a zero-width joiner"},
        ),
    ],
)
def test_what_can_only_mean_one_thing_is_put_right(convert, row, messages, found):
    record = convert(row)
    assert (record.messages, record.found, record.repairs) == (messages, found, list(found))


def test_a_setting_of_one_medium_is_noted(convert):
    record = convert(user_says({"type": "video", "video": "v.mp4", "fps": 2}))
    assert record.found == {"E213": "part 1 of turn 1 sets fps, which would be lost: all media are read alike"}


@pytest.mark.parametrize(
    ("row", "content", "found"),
    [
        (chat(audio_path="a.wav"), "<audio>Why?", {"E039", "E212"}),
        (chat(Videoes=["v.mp4"]), "<video>Why?", {"E039", "E212"}),
        (chat(images=["i.png", "j.png"]), "<image><image>Why?", {"E212"}),
        (chat(images=["i.png"], audios=["a.wav"]), "Why?", set()),
        (chat("< Image >", images=["i.png"]), "< Image >", set()),
        (chat("<audio>", images=["i.png"]), "<audio>", set()),
        (chat("<audio><image>", images=["i.png"], audios=["a.wav"]), "<audio><image>", {"E045"}),
        (chat("<image><audio>", images=["i.png"], audios=["a.wav"]), "<image><audio>", set()),
        (chat("<audio>", audios=["a.wav"], audio_path="a.wav"), "<audio>", set()),
    ],
)
def test_markers_are_added_where_they_can_belong_nowhere_else(convert, row, content, found):
    record = convert(row)
    assert (record.messages[0].content, set(record.found)) == (content, found)


TURN = {"role": "user", "content": "Why?"}


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        ({"text": "hi"}, "E026", '"messages" is missing or empty.'),
        ({"messages": []}, "E026", '"messages" is missing or empty.'),
        ({"messages": "hi"}, "E027", '"messages" is "hi", not a list.'),
        ({"messages": ["hi"]}, "E027", 'turn 1 is "hi", not an object.'),
        ({"messages": [TURN, {"role": "assistant"}]}, "E028", "turn 2 has no content."),
        ({"messages": [{"role": "user", "content": None}]}, "E028", "turn 1 has no content."),
        ({"messages": [{"role": "user", "content": 5}]}, "E030", "the content of turn 1 is 5."),
        ({"messages": [{"content": "Why?"}]}, "E031", "turn 1 has no role."),
        ({"messages": [{"role": 3, "content": "Why?"}]}, "E031", "turn 1 has the role 3."),
        (
            {"messages": [{"role": "user", "content": "Why?", "contnet": "x"}]},
            "E038",
            'turn 1 has the key "contnet", which would be lost. A turn has role and content.',
        ),
        (
            {"messages": [{"role": "user", "cntent": "Why?"}]},
            "E038",
            'turn 1 has the key "cntent", which would be lost. Did you mean "content"?',
        ),
        (
            {"messages": [{"role": "user", "text": "Why?", "value": "x"}]},
            "E038",
            'turn 1 has the key "value", which would be lost.',
        ),
        ({"messages": [TURN | {"loss": False}]}, "E038", 'turn 1 has the key "loss", which would be lost.'),
        (chat(vidos=["v.mp4"]), "E039", '"vidos" is no column that is read. Did you mean "videos"?'),
        (
            chat(audio_path="a.wav", audio_file="b.wav"),
            "E039",
            'several columns may mean "audios". Call one of them "audios".',
        ),
        (chat(conversations=[]), "E204", 'the row has both "messages" and "conversations".'),
        (
            chat("<image>", images=["i.png"], image="j.png"),
            "E050",
            'media are given in both "images" and "image".',
        ),
        (
            chat("<audio>", audios={"path": "a.wav"}),
            "E051",
            '"audios" is {"path": "a.wav"}, not a list of paths.',
        ),
        (chat("<audio>", audios=["a.wav", None]), "E051", '"audios" holds null, not a path.'),
        (chat("<audio>", audios=[""]), "E051", '"audios" holds an empty path.'),
        (chat(solution=["1"]), "E058", '"solution" is ["1"], not text.'),
        (chat(system=[1.5]), "E202", '"system" is [1.5], not text.'),
        (user_says(7), "E030", "part 1 of turn 1 is 7."),
        (
            user_says({"type": "file", "file": "x"}),
            "E030",
            'part 1 of turn 1 has the type "file". Types are text, ',
        ),
        (user_says({"type": "text"}), "E028", "part 1 of turn 1 has no text."),
        (user_says({"type": "text", "text": 1}), "E030", "part 1 of turn 1 has no text."),
        (
            user_says({"type": "video", "video": "v.mp4", "name": "x"}),
            "E038",
            'part 1 of turn 1 has the key "name", which would be lost. Remove it from the part.',
        ),
        (
            user_says({"type": "image", "image": "i.png", "url": "j.png"}),
            "E050",
            "part 1 of turn 1 names 2 files.",
        ),
        (
            user_says({"type": "image", "image": "i.png"}) | {"images": ["j.png"]},
            "E050",
            'image files are given both in content parts and in "images".',
        ),
        (
            user_says({"type": "input_audio", "input_audio": {"format": "wav"}}),
            "E205",
            "part 1 of turn 1 has no base64",
        ),
        (chat("<image>", images=["data:image/png;base64,@@"]), "E205", "embedded media is not base64"),
        (chat("<image>", images=["data:image/png,xx"]), "E205", "a data: URL without base64 data."),
        (
            chat("<image>", images=["nowhere.png"]),
            "E061",
            "no such file: nowhere.png (looked in the source's folder",
        ),
        (
            chat("<image>", images=["ftp://x/y.png"]),
            "E072",
            'ftp://x/y.png has the scheme "ftp", which is refused.',
        ),
        (b"{", "E001", "not valid JSON: the line ends too early."),
    ],
)
def test_a_row_that_cannot_be_read_keeps_its_place_and_reason(convert, row, code, message):
    unread = convert(row)
    assert isinstance(unread, Unread)
    assert (unread.source, unread.line, unread.error) == ("s", 1, code)
    assert unread.message.startswith(message)


CALL = '{"name": "weather", "arguments": {"city": "Ulm"}}'
CALL_TEXT = f"<tool_call>\n{CALL}\n</tool_call>"


@pytest.mark.parametrize(
    ("before", "calls", "expected"),
    [
        ([], [("tool_call", CALL)], CALL_TEXT),
        ([], [("function_call", json.loads(CALL))], CALL_TEXT),
        ([], [("tool_call", "{'name': 'weather', 'parameters': '{\"city\": \"Ulm\"}'}")], CALL_TEXT),
        ([], [("tool_call", CALL), ("tool_call", CALL)], f"{CALL_TEXT}\n{CALL_TEXT}"),
        ([("assistant", "Let me see. ")], [("tool_call", CALL)], f"Let me see. {CALL_TEXT}"),
    ],
)
def test_calls_of_tools_are_what_the_assistant_says(convert, before, calls, expected):
    given = [("user", "q"), *before, *calls, ("tool_response", "sun"), ("observations", "17"), ("assistant", "a")]
    record = convert({"messages": [{"role": role, "content": content} for role, content in given]})
    assert [(message.role, message.content) for message in record.messages] == [
        ("user", "q"),
        ("assistant", expected),
        ("tool", "sun"),
        ("tool", "17"),
        ("assistant", "a"),
    ]
    assert record.repairs == ["E032"]


@pytest.mark.parametrize(
    "call", ["weather in Ulm", "{}", '{"name": "weather"}', '{"name": 7, "arguments": {}}', []]
)
def test_a_call_that_is_none_is_told(convert, call):
    given = [("user", "q"), ("tool_call", call), ("tool", "sun"), ("assistant", "a")]
    unread = convert({"messages": [{"role": role, "content": content} for role, content in given]})
    assert unread.error == "E030"
    assert unread.message.startswith(f"turn 2 is to call a tool, but is {json.dumps(call)[:4]}")


def test_pairs_of_a_question_and_its_answer_are_two_turns(convert):
    record = convert({"conversation": [{"human": "q", "assistant": "a"}, {"user": "r", "gpt": "b"}]}, "jsonl")
    assert [(message.role, message.content) for message in record.messages] == [
        ("user", "q"),
        ("assistant", "a"),
        ("user", "r"),
        ("assistant", "b"),
    ]
