"""JSON arrays, objects of rows, and JSONL under another name."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnitune.errors import PipelineError
from omnitune.readers import READERS, WHOLE, Part, elements, json_items
from omnitune.validation.codes import RowError


def rows(folder: Path, content: bytes | str, part: Part = WHOLE):
    """(number, row or code) of a file."""
    path = folder / "rows.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    read = READERS["json"].read(path, part)
    return [(number, row.finding.code if isinstance(row, RowError) else row) for number, row in read]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('\ufeff [{"a": "]}\\"["}, {"b": [1, {"c": 2}]},\n]\n', [{"a": ']}"['}, {"b": [1, {"c": 2}]}]),
        ('{"x": {"a": 1}, "y": {"id": "z"}}', [{"a": 1, "id": "x"}, {"id": "z"}]),
        ('{\n "x\\n1": {"a": 1}\n}', [{"a": 1, "id": "x\n1"}]),
        ('{"a": 1}\n{"b": {"c": 2}}\n', [{"a": 1}, {"b": {"c": 2}}]),
        ('{"messages": [], "x": {}}', [{"messages": [], "x": {}}]),
        ('{broken\n{"b": 2}\n', ["E001", {"b": 2}]),
        ('[{"n": 123456789012345678901234567890}]', [{"n": 123456789012345678901234567890}]),
    ],
)
def test_rows(tmp_path: Path, content: str, found: list[Any]):
    assert rows(tmp_path, content) == list(enumerate(found, 1))


@pytest.mark.parametrize(
    ("element", "code"),
    [
        (b"{broken}", "E001"),
        (b"", "E001"),
        (b'{"a": 1} {"b": 2}', "E020"),
        (b'{"a": 1, "a": 2}', "E013"),
        (b'{"a": NaN}', "E014"),
        (b'{"a": 1e999}', "E015"),
        (b'{"a": "\\ud800"}', "E010"),
        (b'{"a": "\xff"}', "E007"),
        (b'{"a": "\\u0000"}', "E009"),
        (b"[1]", "E019"),
        (b"null", "E019"),
        (b"[" * 40 + b"]" * 40, "E019"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "E023"),
    ],
)
def test_a_bad_element_spoils_no_other(tmp_path: Path, element: bytes, code: str):
    assert rows(tmp_path, b'[{"a": 1}, ' + element + b', {"b": 2}]') == [(1, {"a": 1}), (2, code), (3, {"b": 2})]


def test_an_element_without_a_key(tmp_path: Path):
    assert rows(tmp_path, '{"x": {}, {"a": 1}, "y": 3}') == [(1, {"id": "x"}), (2, "E001"), (3, "E019")]


def test_a_limit_ends_the_reading(tmp_path: Path):
    assert rows(tmp_path, '[{"a": 1}, {"b": 2}, broken', Part(max_rows=2)) == [(1, {"a": 1}), (2, {"b": 2})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"a": 1}', "element 1 is not closed before the file ends."),
        ('[{"a": 1}, {"b": "', "element 2 is not closed before the file ends."),
        ('[{"a": 1}}, {"b": 2}]', "something follows the bracket that closes after element 1."),
        ('[{"a": 1}][{"b": 2}]', "something follows the bracket that closes after element 1."),
        ("[]", "has no rows (E022)."),
        ("{}", "has no rows (E022)."),
        ('"a"', "is neither a JSON array nor an object of rows."),
    ],
)
def test_what_is_no_list_of_rows_is_refused_whole(tmp_path: Path, content: str, message: str):
    with pytest.raises(PipelineError) as caught:
        rows(tmp_path, content)
    assert str(caught.value).startswith(f"{tmp_path / 'rows.json'}: {message}")


def test_an_overlong_element_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for module in (elements, json_items):
        monkeypatch.setattr(module, "MAX_LINE_BYTES", 30)
    monkeypatch.setattr(elements, "_CHUNK_BYTES", 7)
    content = json.dumps([{"a": 1}, {"b": "x" * 99}, {"c": 3}])
    assert rows(tmp_path, content) == [(1, {"a": 1}), (2, "E024"), (3, {"c": 3})]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('"\\[]{},:ab\n\u00e9', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\{}a,', max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    items=st.lists(st.dictionaries(st.text('"\\]a', max_size=3), VALUES, max_size=3), min_size=1, max_size=5),
    indent=st.sampled_from([None, 1]),
    escape=st.booleans(),
    chunk=st.integers(1, 9),
)
def test_elements_are_cut_where_a_whole_decoder_cuts_them(tmp_path_factory, items, indent, escape, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elements, "_CHUNK_BYTES", chunk)
        content = json.dumps(items, indent=indent, ensure_ascii=escape)
        found = rows(tmp_path_factory.getbasetemp(), content)
    assert [row for _, row in found] == items


@given(content=st.text('[]{}",:\\a1 \n', max_size=30))
def test_any_text_gives_rows_or_a_sentence(tmp_path_factory, content: str):
    try:
        found = rows(tmp_path_factory.getbasetemp(), content)
    except PipelineError:
        return
    assert [number for number, _ in found] == sorted({number for number, _ in found})
