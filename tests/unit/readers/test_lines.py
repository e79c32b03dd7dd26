"""Lines and shards of a source file."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnitune.errors import ExitCode, PipelineError
from omnitune.readers import lines
from omnitune.readers.lines import Line, check_file, read_lines


def written(folder: Path, content: bytes) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(content)
    return path


def numbers(path: Path, *shard, max_rows: int | None = None) -> list[int]:
    return [line.number for line in read_lines(path, *shard, max_rows=max_rows)]


def test_lines_are_numbered_as_in_an_editor_and_blank_ones_skipped(tmp_path: Path):
    found = list(read_lines(written(tmp_path, b'{"a":1}\n\n  \r\n{"b":2}\n')))
    assert found == [Line(1, b'{"a":1}', 8, True), Line(4, b'{"b":2}', 8, True)]


@pytest.mark.parametrize(
    "content",
    [b'\xef\xbb\xbf{"a":1}\n{"b":2}\n', b'{"a":1}\r\n{"b":2}\r\n', b'{"a":1}\n{"b":2}'],
    ids=["byte order mark", "CRLF", "no last line end"],
)
def test_harmless_differences_are_read_over(tmp_path: Path, content: bytes):
    assert [line.content for line in read_lines(written(tmp_path, content))] == [b'{"a":1}', b'{"b":2}']


def test_only_line_feeds_end_a_line(tmp_path: Path):
    content = '{"a":"x\u2028y\u2029\u0085z"}'.encode()
    assert [line.content for line in read_lines(written(tmp_path, content + b"\n"))] == [content]


def test_a_last_line_without_an_end_is_marked(tmp_path: Path):
    assert [line.complete for line in read_lines(written(tmp_path, b'{"a":1}\n{"b"'))] == [True, False]


def test_an_overlong_line_is_passed_over_and_the_next_is_read(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 10)
    monkeypatch.setattr(lines, "_CHUNK_BYTES", 7)
    found = list(read_lines(written(tmp_path, b"x" * 10 + b"\r\n" + b"x" * 50 + b"\n{}\n")))
    assert found == [Line(1, b"x" * 10, 12, True), Line(2, b"", 51, True), Line(3, b"{}", 3, True)]


@given(
    rows=st.lists(st.sampled_from([b"", b"{}", b'{"a":"bcdefgh"}', b" \r"]), max_size=30),
    shards=st.integers(1, 8),
    end=st.booleans(),
    max_rows=st.none() | st.integers(0, 12),
)
def test_shards_give_every_line_once_in_order(tmp_path_factory, rows, shards, end, max_rows):
    content = b"{}\n" + b"\n".join(rows) + (b"\n" if end else b"")
    path = written(tmp_path_factory.getbasetemp(), content)
    whole = [n for n, row in enumerate(content.split(b"\n"), 1) if row.strip()][:max_rows]
    parts = [numbers(path, shard, shards, max_rows=max_rows) for shard in range(shards)]
    assert [number for part in parts for number in part] == whole


def test_shards_do_not_depend_on_the_size_of_the_pieces_read(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(lines, "_CHUNK_BYTES", 3)
    path = written(tmp_path, b'{"a":1}\n' * 50)
    assert [numbers(path, shard, 5) for shard in range(5)] == [
        list(range(first, first + 10)) for first in range(1, 51, 10)
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no rows. Write at least one row."),
        (b"\xef\xbb\xbf \n\n", "has no rows. Write at least one row."),
        ('{"a":1}\n'.encode("utf-16"), "is UTF-16 text, not UTF-8. Re-encode the file as UTF-8: iconv"),
        ('{"a":1}\n'.encode("utf-16-le"), "is UTF-16 text, not UTF-8."),
        (b"\x1f\x8b\x08...", "is compressed with gzip. Give the file uncompressed."),
        (b"PK\x03\x04...", "is a ZIP archive. Give the file uncompressed."),
        (
            b'[{"a":1},\n{"b":2}]\n',
            "is a JSON array, not one object a line. Set format: json, or write one JSON object a line: jq",
        ),
        (b'[{"a":1},{"b":2}]\n', "is a JSON array, not one object a line."),
        (b'{"a":1}\r{"b":2}\r', "has CR line ends. Convert the line ends: tr"),
    ],
)
def test_what_is_no_jsonl_is_refused_whole(tmp_path: Path, content: bytes, message: str):
    path = written(tmp_path, content)
    with pytest.raises(PipelineError) as caught:
        check_file(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert caught.value.code == ExitCode.DATA


def test_a_list_in_the_first_row_is_one_bad_row(tmp_path: Path):
    assert numbers(written(tmp_path, b'[1,2]\n{"a":1}\n')) == [1, 2]


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(PipelineError, match=r"rows\.jsonl: no such file\. Correct the source's path: or put"):
        check_file(tmp_path / "rows.jsonl")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "FIFO"])
def test_only_regular_files_are_opened(tmp_path: Path, make):
    make(tmp_path / "rows.jsonl")
    with pytest.raises(PipelineError, match="is not a regular file") as caught:
        check_file(tmp_path / "rows.jsonl")
    assert caught.value.code == ExitCode.CONFIG
