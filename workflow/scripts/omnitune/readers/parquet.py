"""Parquet files; a row's number counts from 1 over the whole file.

Dates, times and decimals become the text that a person would write, and a number that is none (NaN) is null:
JSON has neither.
"""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from omnitune.errors import ExitCode, PipelineError
from omnitune.readers.opening import read_head, refused
from omnitune.readers.row import WHOLE, Notes, Numbered, Part

# Rows with pictures inside them are large, so few are taken at a time.
_BATCH_ROWS = 64


def read(path: Path, part: Part = WHOLE, notes: Notes | None = None) -> Iterator[Numbered]:
    """The rows of the file, nested columns as lists and dicts."""
    import pyarrow
    import pyarrow.parquet

    read_head(path)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            yield from _rows(file, path, part)
    except pyarrow.ArrowException as error:
        reason = str(error).split(". ")[0].splitlines()[0].rstrip(".")
        raise PipelineError(
            f"is no whole Parquet file ({reason})",
            where=str(path),
            fix="Copy it again, or write it anew.",
            code=ExitCode.DATA,
        ) from None


def _rows(file: Any, path: Path, part: Part) -> Iterator[Numbered]:
    total = file.metadata.num_rows
    if not total:
        raise refused(path, "E022", "has no rows")
    names = file.schema_arrow.names
    for field in file.schema_arrow:
        if field.type.num_fields and "[ns" in str(field.type):
            raise PipelineError(
                f'column "{field.name}" has nanosecond times of the type {field.type}, which is not read',
                where=str(path),
                fix="Write them in microseconds.",
                code=ExitCode.DATA,
            )
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise PipelineError(
            f'two columns are called "{twice}"', where=str(path), fix="Rename one.", code=ExitCode.DATA
        )
    rows = total if part.max_rows is None else min(total, part.max_rows)
    first, last = rows * part.shard // part.shards, rows * (part.shard + 1) // part.shards
    number = 0
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        if number + size > first and number < last:
            yield from _group(file, group, number, first, last)
        number += size


def _group(file: Any, group: int, number: int, first: int, last: int) -> Iterator[Numbered]:
    """The rows of one row group that come after `first` and up to `last`; `number` rows come before it."""
    nanoseconds = {field.name for field in file.schema_arrow if _is_nanoseconds(field.type)}
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group]):
        if number + batch.num_rows > first and number < last:
            for row in _values(_whole_numbers(batch)):
                number += 1
                if first < number <= last:
                    yield number, {name: _plain(value, name in nanoseconds) for name, value in row.items()}
        else:
            number += batch.num_rows


def _is_nanoseconds(kind: Any) -> bool:
    """Whether a column holds times that Python's own type would cut."""
    import pyarrow

    return bool(pyarrow.types.is_timestamp(kind) and kind.unit == "ns")


def _whole_numbers(batch: Any) -> Any:
    """The batch with nanosecond times as their number: pyarrow hands them out by pandas alone."""
    import pyarrow

    columns = [
        column.cast(pyarrow.int64()) if _is_nanoseconds(column.type) else column for column in batch.columns
    ]
    return pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _values(batch: Any) -> list[dict[str, Any]]:
    """The rows; a column of times that Python's own types cannot hold is text, as Arrow writes it."""
    import pyarrow

    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (OverflowError, ValueError):
        columns = [
            column.cast(pyarrow.string()) if pyarrow.types.is_temporal(column.type) else column
            for column in batch.columns
        ]
        rows = pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names).to_pylist()
    return rows


def _written(nanoseconds: int) -> str:
    """The time so many nanoseconds after 1970, UTC."""
    whole, rest = divmod(nanoseconds, 1000)
    time = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=whole)
    return f"{time.isoformat(sep=' ', timespec='microseconds')}{rest:03d}" if rest else time.isoformat(sep=" ")


def _plain(value: Any, nanoseconds: bool = False) -> Any:
    """The value as JSON knows it, but for bytes."""
    if nanoseconds and value is not None:
        return _written(value)
    if isinstance(value, str | int | bytes) or value is None:
        return value
    if isinstance(value, float):
        return value if value == value else None
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)
