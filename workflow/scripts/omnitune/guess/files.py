"""The files of rows, or the folder of media, that DATA names, and the first rows of each."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from omnitune.converters.cells import opened
from omnitune.errors import ExitCode, PipelineError
from omnitune.media.names import modality_of_suffix
from omnitune.readers import READERS, Part, reader_name
from omnitune.readers.opening import is_binary
from omnitune.validation.codes import RowError

SAMPLE_ROWS = 200
# Rows with media inside them are large; a sample must not fill the memory.
_SAMPLE_BYTES = 64 * 1024 * 1024
_MOST_FILES = 50
_MOST_ENTRIES = 20_000
_DEPTH = 3
_ROWS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
SUPPORTED = "Supported are files of rows (JSONL, JSON, CSV, TSV, Parquet) and folders of media with their texts."


class Sample(NamedTuple):
    """The first rows of a file.

    Attributes:
        path: the file, or the folder of media.
        rows: those that could be read, cells of lists opened.
        looked: how many rows were looked at.
        total: rows of the whole file: counted when it is short, else estimated.
        whole: whether the sample is the whole file.
    """

    path: Path
    rows: list[dict[str, Any]]
    looked: int
    total: int
    whole: bool


def find_files(data: Path) -> list[Path]:
    """The file itself, or the files of rows of a folder (its own ones, else those of its subfolders).

    A folder of media and no rows is itself the source.

    Raises:
        PipelineError: there is nothing that could be read.
    """
    if not data.exists():
        raise PipelineError("no such file or folder", where=str(data), fix="Correct DATA=.")
    if not data.is_dir():
        return [data]
    found = sorted(path for path in data.iterdir() if path.suffix.lower() in _ROWS and path.is_file())
    kinds: Counter[str] = Counter()
    if not found:
        for path in _walk(data):
            kinds[path.suffix.lower() or "no suffix"] += 1
            if path.suffix.lower() in _ROWS:
                found.append(path)
    if kinds[".txt"] and any(map(modality_of_suffix, kinds)):
        return [data]
    if not found:
        seen = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(4))
        what = f"holds no file of rows ({seen})" if seen else "is an empty folder"
        raise PipelineError(what, where=str(data), fix=SUPPORTED, code=ExitCode.DATA)
    if len(found) > _MOST_FILES:
        raise PipelineError(
            f"holds {len(found)} files of rows, more than {_MOST_FILES}",
            where=str(data),
            fix="Join those of one kind (cat a.jsonl b.jsonl > all.jsonl), or name one file.",
            code=ExitCode.DATA,
        )
    return sorted(found)


def _walk(folder: Path) -> Iterator[Path]:
    """Files below the folder, hidden ones left out; ends after so many that it would take long."""
    seen = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if len(Path(place).relative_to(folder).parts) >= _DEPTH:
            folders.clear()
        for name in sorted(names):
            seen += 1
            if seen > _MOST_ENTRIES:
                return
            if not name.startswith("."):
                yield Path(place) / name


def take_sample(path: Path) -> Sample:
    """The first rows of the file or folder.

    Raises:
        PipelineError: it is nothing that can be read, or none of the rows can.
    """
    name = reader_name("", path)
    if name not in ("folder", "parquet") and is_binary(path):
        raise PipelineError("is a binary file", where=str(path), fix=SUPPORTED, code=ExitCode.DATA)
    rows, looked, size, first = [], 0, 0, ""
    whole = True
    for number, row in READERS[name].read(path, Part()):
        if looked == SAMPLE_ROWS or size > _SAMPLE_BYTES:
            whole = False
            break
        looked += 1
        if isinstance(row, RowError):
            first = first or f"line {number}: {row.finding.sentence()}"
            continue
        size += _size(row, READERS[name].cells)
        if READERS[name].cells:
            row = {column: opened(cell) if cell else cell for column, cell in row.items()}
        rows.append(row)
    if not looked:
        raise PipelineError("has no rows", where=str(path), fix="Write at least one row.", code=ExitCode.DATA)
    if not rows:
        what = f"none of the first {looked} rows can be read" if looked > 1 else "its one row cannot be read"
        raise PipelineError(f"{what} ({first.rstrip('.')})", where=str(path), fix=SUPPORTED, code=ExitCode.DATA)
    return Sample(path, rows, looked, looked if whole else _total(path, name, looked, size), whole)


def _size(row: dict[str, Any], cells: bool) -> int:
    """The bytes of a row in its file, or nearly."""
    text = ",".join(cell or "" for cell in row.values()) if cells else json.dumps(row, default=repr)
    return len(text.encode()) + 1


def _total(path: Path, name: str, looked: int, size: int) -> int:
    """The rows of the whole source: counted where that is quick, else from the size of those looked at."""
    if name == "folder":
        return sum(1 for _ in READERS[name].read(path, Part()))
    if name == "parquet":
        import pyarrow.parquet

        return int(pyarrow.parquet.read_metadata(path).num_rows)
    return max(looked, round(path.stat().st_size * looked / max(size, 1)))
