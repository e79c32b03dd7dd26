"""What all formats share: ids, lines, shards, columns, files."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_files import chat, read_jsonl, write_jsonl

from omnitune import converters
from omnitune.converters.canonical import plain_record
from omnitune.errors import PipelineError
from omnitune.readers import Part
from omnitune.readers.lines import Line
from omnitune.records import Record, Unread

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("id", "messages", "conversations", "role", "content", "from", "value", "type", "text", "data"),
        *("image", "images", "audio", "audios", "input_audio", "video", "question", "answer", "solution"),
    ]
)
ROWS = st.dictionaries(
    NAMES,
    st.recursive(
        JSON,
        lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=2),
        max_leaves=6,
    ),
    max_size=4,
)


@pytest.mark.parametrize(
    ("given_id", "expected"),
    [
        (None, "s/00000001"),
        ("a17", "s/a17"),
        (17, "s/17"),
        ("a/b c", "s/a/b c"),
        ("..a", "s/..a"),
        ("x" * 256, "s/" + "x" * 256),
    ],
)
def test_ids_carry_their_source(convert, given_id, expected):
    assert convert(chat(id=given_id)).id == expected


@pytest.mark.parametrize(
    ("given_id", "message"),
    [
        (1.5, "the id 1.5 is not a text or whole number."),
        (True, "the id true is not a text or whole number."),
        ("  ", 'the id "  " is not a text or whole number.'),
        (10**300, "the id has 301 characters, the limit is 256."),
        ("x" * 257, "the id has 257 characters, the limit is 256."),
        ("a\nb", 'the id "a\\nb" holds a control character or "..".'),
        ("../b", 'the id "../b" holds a control character or "..".'),
        ("a/..", 'the id "a/.." holds a control character or "..".'),
    ],
)
def test_bad_ids_are_refused(convert, given_id, message):
    unread = convert(chat(id=given_id))
    assert (unread.error, unread.id) == ("E055", "")
    assert unread.message.startswith(message)


def test_an_unread_row_keeps_its_own_id(convert):
    assert convert({"id": "a17"}).id == "s/a17"


@pytest.mark.parametrize(
    "twice",
    [
        b'{"id":"a","id":"b",%s}',
        b'{"id":"a","id" :"b",%s}',
        b'{"id":"a:","id"\t:"b",%s}',
        b'{"solution":"\\u003a","id":"a","id":"b",%s}',
        b'{"solution":"\\u003A: \\": ","id":"a","id":"b",%s}',
        b'{"id":null,"id":"b",%s}',
    ],
)
def test_a_key_that_is_given_twice_is_told_however_it_is_written(convert, twice: bytes):
    turns = b'"messages":[{"role":"user","content":"Why: so?"},{"role":"assistant","content":"So: \\"a\\": b"}]'
    assert convert(twice % turns).error == "E013"


def test_a_row_whose_texts_have_colons_goes_the_short_way(data: Path):
    row = {"id": "a:1", "solution": "x: y", **chat("Why: so?", answer='{"a": "b"}')}
    content = json.dumps(row).encode()
    source = converters.open_source("s", data / "rows.jsonl", "t", {}, [data], data / "media")
    record, own_id = plain_record(Line(1, content, len(content), True), source) or (None, None)
    assert (record and record.id, own_id) == ("s/a:1", "a:1")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(row=ROWS, format=st.sampled_from(["messages", "qa"]))
def test_any_object_gives_a_record_or_an_unread_row(convert, row, format):
    assert isinstance(convert(json.dumps(row).encode(), format), Record | Unread)


def test_every_line_has_its_place_over_all_shards(data: Path, tmp_path: Path):
    rows = [chat(id=f"r{n}", n=n) if n % 3 else b"broken" for n in range(20)]
    path = write_jsonl(data / "rows.jsonl", [rows[0], b"", *rows[1:]])
    source = converters.open_source("s", path, "t", {}, [data], tmp_path / "embedded")
    found = []
    for shard in range(3):
        output = tmp_path / "convert" / f"{shard}.jsonl"
        counts = converters.convert_source(source, "messages", output, Part(shard, 3))
        found += read_jsonl(output)
        assert sum(counts) == len(read_jsonl(output)) > 0
    assert [row["line"] for row in found] == [1, *range(3, 22)]
    assert [row.get("id", "") for row in found] == [f"s/r{n}" if n % 3 else "" for n in range(20)]


def test_nothing_appears_when_the_source_is_refused(data: Path, tmp_path: Path):
    (data / "rows.jsonl").write_bytes(b"")
    source = converters.open_source("s", data / "rows.jsonl", "t", {}, [data], tmp_path / "embedded")
    with pytest.raises(PipelineError, match="has no rows"):
        converters.convert_source(source, "messages", tmp_path / "convert" / "0.jsonl")
    assert list((tmp_path / "convert").iterdir()) == []


def test_columns_may_only_name_fields_of_the_format():
    converters.check_columns("qa", {"prompt": "question"}, "s")
    with pytest.raises(PipelineError) as caught:
        converters.check_columns("qa", {"prompt": "questoin"}, "clips")
    assert str(caught.value) == (
        'sources.clips.columns: maps "prompt" to "questoin", no field of the format qa. Did you mean question?'
    )
