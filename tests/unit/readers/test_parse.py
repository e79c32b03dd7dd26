"""One line of JSONL to a dict."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnitune.readers.lines import Line
from omnitune.readers.parse import parse_row
from omnitune.validation.codes import CODES, Code, RowError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def line(content: bytes, complete: bool = True) -> Line:
    return Line(1, content, len(content), complete)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@given(row=st.dictionaries(st.text(), VALUES, max_size=5), spaced=st.booleans(), escaped=st.booleans())
def test_what_json_writes_is_read_back(row, spaced, escaped):
    text = json.dumps(row, separators=(" , ", " : ") if spaced else None, ensure_ascii=escaped)
    if "\0" in str(json.loads(text)) or "\\x00" in repr(row):
        return
    assert parse_row(line(text.encode())) == row


@given(content=st.binary(max_size=60) | st.text(alphabet='{}[]":,0eE-ad\\u ', max_size=40).map(str.encode))
def test_any_bytes_give_an_object_or_a_code(content):
    try:
        outcome = parse_row(line(content))
    except RowError as error:
        outcome = CODES[error.finding.code]
    assert isinstance(outcome, dict | Code)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b'{"a" 1}', "E001", "not valid JSON at column 6. Write one JSON object a line."),
        (b'{"a":1', "E001", "not valid JSON: the line ends too early."),
        (b'{"a":1}x', "E001", "not valid JSON: something follows the object at column 8."),
        (b'{"a":"\xff"}', "E007", "byte 0xFF at column 7 is not UTF-8."),
        (b'{"b":"ok","a":"\xed\xa0\x80"}', "E007", "byte 0xED at column 16 is not UTF-8."),
        (b'{"a":"\x00"}', "E008", "NUL byte at column 7."),
        (b'{"a":["\\u0000"]}', "E009", "a text holds a NUL character (\\u0000). Remove the \\u0000."),
        (b'{"a\\u0000":1}', "E009", "a text holds a NUL character"),
        (b'{"a":"\\ud800"}', "E010", "a \\u escape is half of a surrogate pair."),
        (b'{"a":"\\udc00x"}', "E010", "a \\u escape is half of a surrogate pair."),
        (b'{"a":1,"a":2}', "E013", 'key "a" is given twice. Keep one of them.'),
        (b'{"a":1,"b":[{"c":1,"c":1}]}', "E013", 'key "c" is given twice.'),
        (b'{"a":1,"a":2,"b" :3}', "E013", 'key "a" is given twice.'),
        (b'{"a":1,"a"\r:2}', "E013", 'key "a" is given twice.'),
        (b'{"a":1, "a"\t: 2}', "E013", 'key "a" is given twice.'),
        (b'{"a":NaN}', "E014", "NaN at column 6 is not a JSON number. Write a number or null."),
        (b'{"a":-Infinity}', "E014", "Infinity at column 7 is not a JSON number."),
        (b'{"a":1e999}', "E015", "a number is out of range."),
        (b"{'a':1}", "E018", "keys in single quotes are Python, not JSON."),
        (b"[1]", "E019", "the row is a list, not an object."),
        (b'"a"', "E019", "the row is a string, not an object."),
        (b"null", "E019", "the row is null, not an object."),
        (b"1.5", "E019", "the row is a number, not an object."),
        (b'{"a":1}{"b":2}', "E020", "a second object begins at column 8."),
        (b'{"a":1}, {"b":2}', "E020", "a second object begins at column 8."),
        (nested(33), "E023", "nested deeper than 32 levels. Flatten the row."),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "E023", "nested deeper than 32 levels."),
    ],
)
def test_what_is_wrong_with_a_line_is_said(content: bytes, code: str, message: str):
    with pytest.raises(RowError) as caught:
        parse_row(line(content))
    assert caught.value.finding.code == code
    assert str(caught.value).startswith(message)


def test_a_cut_last_line_is_told_from_a_broken_one():
    with pytest.raises(RowError, match=r"the last line is cut off\. Is the file") as caught:
        parse_row(line(b'{"a":"x', complete=False))
    assert caught.value.finding.code == "E002"


def test_an_overlong_line_says_its_size():
    with pytest.raises(RowError, match=r"line of 9\.0 MB, the limit is 8 MB"):
        parse_row(Line(1, b"", 9 * 2**20, True))


@pytest.mark.parametrize(
    ("content", "row"),
    [
        (nested(32), json.loads(nested(32))),
        (b'{"a":"say \\"b\\": c"}', {"a": 'say "b": c'}),
        (b'{"a":"\\\\u0000"}', {"a": "\\u0000"}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "\N{GRINNING FACE}"}),
        (b'{"a":12345678901234567890123456789}', {"a": 12345678901234567890123456789}),
        (b'{"a":{"x":1},"b":{"x":1}}', {"a": {"x": 1}, "b": {"x": 1}}),
    ],
)
def test_unusual_but_good_lines_are_read(content: bytes, row: dict):
    assert parse_row(line(content)) == row
