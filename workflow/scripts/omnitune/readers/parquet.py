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
from omnitune.readers.lines import read_head
from omnitune.readers.row import WHOLE, Numbered, Part
from omnitune.validation.codes import CODES

# Rows with pictures inside them are large, so few are taken at a time.
_BATCH_ROWS = 64


def read(path: Path, part: Part = WHOLE) -> Iterator[Numbered]:
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
        raise PipelineError("has no rows", where=str(path), fix=CODES["E022"].fix, code=ExitCode.DATA)
    names = file.schema_arrow.names
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
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group]):
        if number + batch.num_rows > first and number < last:
            for row in batch.to_pylist():
                number += 1
                if first < number <= last:
                    yield number, {name: _plain(value) for name, value in row.items()}
        else:
            number += batch.num_rows


def _plain(value: Any) -> Any:
    """The value as JSON knows it, but for bytes."""
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
