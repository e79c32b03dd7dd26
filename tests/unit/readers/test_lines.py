"""Lines and shards of a source file."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnitune.errors import ExitCode, PipelineError
from omnitune.readers import Part, lines
from omnitune.readers.lines import Line, read_lines


def written(folder: Path, content: bytes) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(content)
    return path


def numbers(path: Path, *shard, max_rows: int | None = None) -> list[int]:
    return [line.number for line in read_lines(path, Part(*(shard or (0, 1)), max_rows))]


def test_lines_are_numbered_as_in_an_editor_and_blank_ones_skipped(tmp_path: Path):
    found = list(read_lines(written(tmp_path, b'{"a":1}\n\n  \r\n{"b":2}\n')))
    assert found == [Line(1, b'{"a":1}', 8, True), Line(4, b'{"b":2}', 8, True)]


TEXT = '{"a":"\u00e4"}\n{"b":2}\n'


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (TEXT.encode(), []),
        (TEXT.encode()[:-1], []),
        (TEXT.encode("utf-8-sig"), ["E003"]),
        (TEXT.replace("\n", "\r\n").encode(), ["E004"]),
        (TEXT.replace("\n", "\r").encode(), ["E005"]),
        (TEXT.encode("utf-16"), ["E006"]),
        (TEXT.encode("utf-16-le"), ["E006"]),
        (TEXT.encode("utf-16-be"), ["E006"]),
        (TEXT.encode("utf-32"), ["E006"]),
        (TEXT.replace("\n", "\r").encode("utf-16"), ["E006", "E005"]),
        (TEXT.replace("\n", "\r\n").encode("utf-8-sig"), ["E003", "E004"]),
        (TEXT.replace("\n", "\n\n", 1).encode(), ["E012"]),
        (TEXT.replace("\n", "\n\ufeff", 1).encode(), ["E003"]),
        (TEXT.replace("\n", "\r\n\ufeff", 1).encode("utf-8-sig"), ["E003", "E004"]),
    ],
)
def test_harmless_differences_are_read_over_and_noted(tmp_path: Path, content: bytes, codes: list[str]):
    notes: dict[str, str] = {}
    found = [line.content for line in read_lines(written(tmp_path, content), notes=notes)]
    assert found == ['{"a":"\u00e4"}'.encode(), b'{"b":2}']
    assert list(notes) == codes


def test_a_recoded_file_is_parted_like_any_other(tmp_path: Path):
    path = written(tmp_path, ('{"a":"\u6f22"}\r' * 50).encode("utf-16"))
    assert [number for shard in range(3) for number in numbers(path, shard, 3)] == list(range(1, 51))


def test_a_bad_unit_of_utf16_spoils_its_own_row(tmp_path: Path):
    content = '{"a":1}\n{"b":"'.encode("utf-16") + b"\x00\xd8" + '"}\n{"c":3}\n'.encode("utf-16-le") + b"\n"
    found = [line.content for line in read_lines(written(tmp_path, content))]
    assert found == [b'{"a":1}', b'{"b":"\xed\xa0\x80"}', b'{"c":3}']


def test_a_part_notes_the_file_only_when_it_begins_it(tmp_path: Path):
    path, told = written(tmp_path, b'{"a":1}\r\n\r\n' * 20), []
    for shard in range(2):
        notes: dict[str, str] = {}
        list(read_lines(path, Part(shard, 2), notes))
        told.append(list(notes))
    assert told == [["E004", "E012"], ["E012"]]


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
        (b"", "has no rows (E022). Write at least one row."),
        (b"\xef\xbb\xbf \n\n", "has no rows (E022). Write at least one row."),
        ("\n".encode("utf-16"), "has no rows (E022). Write at least one row."),
        (b"\0\0\0", "holds NUL bytes alone (E008). Is the file damaged?"),
        (b"\x1f\x8b\x08...", "is compressed with gzip (E025). Give a file of rows, uncompressed."),
        (b"PK\x03\x04...", "is a ZIP archive (E025). Give a file of rows, uncompressed."),
        (
            b'[{"a":1},\n{"b":2}]\n',
            "is a JSON array, not one object a line (E021). Call it .json (or set format: json), or write one",
        ),
        (b'[{"a":1},{"b":2}]\n', "is a JSON array, not one object a line (E021)."),
    ],
)
def test_what_is_no_jsonl_is_refused_whole(tmp_path: Path, content: bytes, message: str):
    path = written(tmp_path, content)
    with pytest.raises(PipelineError) as caught:
        list(read_lines(path))
    assert str(caught.value).startswith(f"{path}: {message}")
    assert caught.value.code == ExitCode.DATA


def test_a_list_in_the_first_row_is_one_bad_row(tmp_path: Path):
    assert numbers(written(tmp_path, b'[1,2]\n{"a":1}\n')) == [1, 2]


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(PipelineError, match=r"rows\.jsonl: no such file\. Correct the path, or put"):
        list(read_lines(tmp_path / "rows.jsonl"))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "FIFO"])
def test_only_regular_files_are_opened(tmp_path: Path, make):
    make(tmp_path / "rows.jsonl")
    with pytest.raises(PipelineError, match="is not a regular file") as caught:
        list(read_lines(tmp_path / "rows.jsonl"))
    assert caught.value.code == ExitCode.CONFIG
