"""Files that appear whole or not at all; rows without repeats."""

import json

from omnitune.demo.example import Example, distinct
from omnitune.demo.files import write_bytes, write_lines


def test_a_file_replaces_the_older_one_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "new" / "folder" / "a.bin"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_lines_are_json_in_plain_characters(tmp_path):
    write_lines(tmp_path / "a.jsonl", [{"a": "ü"}, {"b": 1}])
    text = (tmp_path / "a.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line) for line in text.splitlines()] == [{"a": "ü"}, {"b": 1}]
    assert "ü" in text


def test_distinct_keeps_the_first_of_equal_media_or_questions():
    same = [Example("q", "1", "image", b"x"), Example("other", "2", "image", b"x")]
    assert list(distinct(same)) == same[:1]
    alone = [Example("1 + 1 =", "2"), Example("1 + 1 =", "2"), Example("1 + 2 =", "3")]
    assert list(distinct(alone)) == [alone[0], alone[2]]
