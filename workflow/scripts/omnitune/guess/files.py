"""The JSONL files that DATA names, and the first rows of each."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from omnitune.errors import ExitCode, PipelineError
from omnitune.readers.lines import check_file, read_lines
from omnitune.readers.parse import parse_row
from omnitune.validation.codes import RowError

SAMPLE_ROWS = 200
# Rows with media inside them are large; a sample must not fill the memory.
_SAMPLE_BYTES = 64 * 1024 * 1024
_MOST_FILES = 50
_MOST_ENTRIES = 20_000
_DEPTH = 3
_ROWS = (".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv", ".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".json")
SUPPORTED = "Supported are JSONL files of chat messages, or of question and answer columns."


class Sample(NamedTuple):
    """The first rows of a file.

    Attributes:
        path: the file.
        rows: those that are JSON objects.
        looked: how many lines were looked at.
        total: rows of the whole file: counted when it is short, else estimated.
        whole: whether the sample is the whole file.
    """

    path: Path
    rows: list[dict[str, Any]]
    looked: int
    total: int
    whole: bool


def find_files(data: Path) -> list[Path]:
    """The file itself, or the JSONL files of a folder (its own ones, else those of its subfolders).

    Raises:
        PipelineError: there is nothing that could be read.
    """
    if not data.exists():
        raise PipelineError("no such file or folder", where=str(data), fix="Correct DATA=.")
    if not data.is_dir():
        _refuse_other(data)
        return [data]
    found = sorted(path for path in data.iterdir() if path.suffix.lower() in _ROWS and path.is_file())
    kinds: Counter[str] = Counter()
    if not found:
        for path in _walk(data):
            kinds[path.suffix.lower() or "no suffix"] += 1
            if path.suffix.lower() in _ROWS:
                found.append(path)
    if not found:
        seen = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(4))
        what = f"holds no JSONL file ({seen})" if seen else "is an empty folder"
        raise PipelineError(what, where=str(data), fix=SUPPORTED, code=ExitCode.DATA)
    if len(found) > _MOST_FILES:
        raise PipelineError(
            f"holds {len(found)} JSONL files, more than {_MOST_FILES}",
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


def _refuse_other(path: Path) -> None:
    """One sentence for a file of a format that has no converter."""
    suffix = path.suffix.lower()
    if suffix in _TABLES and not (suffix == ".json" and _has_rows(path)):
        raise PipelineError(
            f"there is no converter for {suffix[1:]} files yet", where=str(path), fix=SUPPORTED, code=ExitCode.DATA
        )


def _has_rows(path: Path) -> bool:
    """Whether a .json file is JSONL by another name."""
    try:
        return bool(take_sample(path).rows)
    except PipelineError:
        return False


def take_sample(path: Path) -> Sample:
    """The first rows of the file.

    Raises:
        PipelineError: it is no JSONL file, or none of the rows is a JSON object.
    """
    check_file(path)
    with path.open("rb") as file:
        if b"\0" in file.read(64 * 1024):
            raise PipelineError("is a binary file", where=str(path), fix=SUPPORTED, code=ExitCode.DATA)
    rows, looked, size, first = [], 0, 0, ""
    whole = True
    for line in read_lines(path):
        if looked == SAMPLE_ROWS or size > _SAMPLE_BYTES:
            whole = False
            break
        looked += 1
        size += line.size
        try:
            rows.append(parse_row(line))
        except RowError as error:
            first = first or f"line {line.number}: {error.finding.sentence()}"
    if not looked:
        raise PipelineError("has no rows", where=str(path), fix="Write at least one row.", code=ExitCode.DATA)
    if not rows:
        raise PipelineError(
            f"none of the first {looked} rows is a JSON object ({first.rstrip('.')})" if looked > 1
            else f"its one row is no JSON object ({first.rstrip('.')})",
            where=str(path), fix=SUPPORTED, code=ExitCode.DATA,
        )  # fmt: skip
    total = looked if whole else max(looked, round(path.stat().st_size * looked / size))
    return Sample(path, rows, looked, total, whole)
