"""Comma- and tab-separated tables, good and bad."""

import csv
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from omnitune.errors import ExitCode, PipelineError
from omnitune.readers import READERS, WHOLE, Part, delimited
from omnitune.validation.codes import RowError


def rows(folder: Path, content: bytes, name: str = "csv", part: Part = WHOLE):
    """(number, row or code) of a table."""
    path = folder / f"rows.{name}"
    path.write_bytes(content)
    read = READERS[name].read(path, part)
    return [(number, row.finding.code if isinstance(row, RowError) else row) for number, row in read]


def test_rows_are_numbered_by_the_line_they_start_on(tmp_path: Path):
    content = b'\xef\xbb\xbfid, text\r\n1,"a\r\nb"\r\n\r\n,\r\n2,\r\n'
    assert rows(tmp_path, content) == [(2, {"id": "1", "text": "a\r\nb"}), (6, {"id": "2", "text": None})]


def test_tabs_part_the_cells_of_a_tsv(tmp_path: Path):
    assert rows(tmp_path, b'a\tb\n1,2\t"x\ty"\n', "tsv") == [(2, {"a": "1,2", "b": "x\ty"})]


def test_a_limit_counts_rows_not_lines(tmp_path: Path):
    assert [number for number, _ in rows(tmp_path, b'a\n"1\n2"\n3\n4\n', part=Part(max_rows=2))] == [2, 4]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"1", "E208"),
        (b"1,2,3", "E208"),
        (b"1,\xff", "E007"),
        (b"1,\0", "E008"),
        (b'1,"x" y', "E207"),
        (b'1,"never closed', "E207"),
    ],
)
def test_a_bad_row_spoils_no_other(tmp_path: Path, line: bytes, code: str):
    found = rows(tmp_path, b"a,b\n0,x\n" + line + b"\n2,y\n3,z\n")
    good = [(2, {"a": "0", "b": "x"}), (4, {"a": "2", "b": "y"}), (5, {"a": "3", "b": "z"})]
    assert found == [good[0], (3, code), *good[1:]]


def test_a_row_that_would_fill_the_memory_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delimited, "MAX_LINE_BYTES", 20)
    content = b"a,b\n1," + b"x" * 99 + b"\n2,y\n" + b'"' + b"long\n" * 5 + b"3,z\n"
    found = rows(tmp_path, content)
    assert found[:3] == [(2, "E024"), (3, {"a": "2", "b": "y"}), (4, "E024")]
    assert found[-1] == (9, {"a": "3", "b": "z"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "rows.csv: has no rows (E022)."),
        (b"a,b\n", "rows.csv: has a line of column names but no rows (E022)."),
        (b",text\n0,a\n", "rows.csv:1: column 1 has no name. Name every column in the first line (pandas:"),
        (b"a,b,a\n1,2,3\n", 'rows.csv:1: two columns are called "a". Rename one.'),
        (b"a;b\n1;2\n", "rows.csv:1: the columns are separated by semicolons, not by commas."),
        (b"a\tb\n1\t2\n", "rows.csv:1: the columns are separated by tabs, not by commas. Set format: tsv."),
        (b"\xff,b\n1,2\n", "rows.csv:1: a column name is not printable UTF-8 text."),
        (b'"a,b\n1,2\n', "rows.csv:1: a quote is opened and never closed."),
        (b"PK\x03\x04", "rows.csv: is a ZIP archive (E025)."),
    ],
)
def test_a_table_without_good_names_is_refused_whole(tmp_path: Path, content: bytes, message: str):
    with pytest.raises(PipelineError) as caught:
        rows(tmp_path, content)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)
    assert caught.value.code == ExitCode.DATA


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(table=st.lists(st.lists(TEXT, min_size=2, max_size=2), min_size=1, max_size=6))
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, table: list[list[str]]):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["a", "b"], *table])
    wanted = [{"a": a or None, "b": b or None} for a, b in table if (a + b).strip()]
    assume(wanted)
    assert [row for _, row in READERS["csv"].read(path, WHOLE)] == wanted


@given(content=st.binary(max_size=60))
def test_any_bytes_give_rows_or_a_sentence(tmp_path_factory, content: bytes):
    try:
        found = rows(tmp_path_factory.getbasetemp(), b"a,b\n" + content)
    except PipelineError:
        return
    assert [number for number, _ in found] == sorted({number for number, _ in found})
