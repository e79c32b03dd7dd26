"""Parquet: values, parts, and files that are none."""

import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnitune.errors import PipelineError
from omnitune.readers import READERS, Part, reader_name


def test_values_are_what_json_knows_and_a_person_expects(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    row = {
        "turns": [{"role": "user", "content": "Why?"}],
        "time": datetime.datetime(2026, 1, 2, 3, 4, 5),
        "day": datetime.date(2026, 1, 2),
        "price": Decimal("1.50"),
        "missing": float("nan"),
        "blob": b"\x00",
        "flag": True,
    }
    table = pa.Table.from_pylist([row]).append_column("nano", pa.array([1_000_000_001], pa.timestamp("ns")))
    pq.write_table(table, path)
    ((number, found),) = READERS["parquet"].read(path, Part())
    assert number == 1
    assert found == {
        **row,
        "time": "2026-01-02 03:04:05",
        "day": "2026-01-02",
        "price": "1.50",
        "missing": None,
        "nano": "1970-01-01 00:00:01.000000001",
    }


def test_times_beyond_pythons_are_text(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    columns = {
        "far": pa.array([2**62, 0], pa.timestamp("us")),
        "wait": pa.array([5, None], pa.duration("ns")),
        "text": pa.array(["a", "b"]),
    }
    pq.write_table(pa.table(columns), path)
    assert [row for _, row in READERS["parquet"].read(path, Part())] == [
        {"far": f"<value out of range: {2**62}>", "wait": "5", "text": "a"},
        {"far": "1970-01-01 00:00:00.000000", "wait": None, "text": "b"},
    ]


def test_nanoseconds_inside_of_lists_are_one_sentence(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"times": pa.array([[1]], pa.list_(pa.timestamp("ns")))}), path)
    with pytest.raises(
        PipelineError, match=r'column "times" has nanosecond times of the type list<.*microseconds'
    ):
        list(READERS["parquet"].read(path, Part()))


@given(
    rows=st.integers(1, 200),
    group=st.integers(1, 90),
    shards=st.integers(1, 5),
    most=st.none() | st.integers(1, 90),
)
def test_shards_give_every_row_once_in_order(tmp_path_factory, rows, group, shards, most):
    path = tmp_path_factory.getbasetemp() / "shards.parquet"
    pq.write_table(pa.table({"n": list(range(1, rows + 1))}), path, row_group_size=group)
    found = [item for shard in range(shards) for item in READERS["parquet"].read(path, Part(shard, shards, most))]
    assert found == [(n, {"n": n}) for n in range(1, min(rows, most or rows) + 1)]


def test_a_cut_off_file_is_one_sentence(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"n": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(PipelineError, match=r"rows\.parquet: is no whole Parquet file \(.*\)\. Copy it again"):
        list(READERS["parquet"].read(path, Part()))


def test_a_file_without_rows_is_refused(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"n": pa.array([], pa.int64())}), path)
    with pytest.raises(PipelineError, match="has no rows"):
        list(READERS["parquet"].read(path, Part()))


@pytest.mark.parametrize(
    ("format", "path", "name"),
    [
        ("qa", "a.jsonl", "jsonl"), ("qa", "a.ndjson", "jsonl"), ("messages", "a.JSON", "json"),
        ("qa", "a", "jsonl"),
        ("unified", "a.parquet", "parquet"), ("csv", "a.txt", "csv"), ("jsonl", "a.json", "jsonl"),
        ("qa", ".", "folder"),
    ],
)  # fmt: skip
def test_the_reader_is_the_formats_or_the_suffixs(format: str, path: str, name: str):
    assert reader_name(format, Path(path)) == name
