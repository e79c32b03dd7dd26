"""Cells of a text table that hold lists: several files of a row, or its turns, written as JSON or by Python."""

import ast
from typing import Any

import msgspec

from omnitune.converters.source import MEDIA_COLUMNS

_TURNS = ("messages", "conversations")
_PLURALS = tuple(names[0] for names in MEDIA_COLUMNS.values())
_LISTS = (*_TURNS, *(name for names in MEDIA_COLUMNS.values() for name in names))


def open_cells(row: dict[str, Any]) -> None:
    """Turn the row's cells of turns and media into lists where they hold one; any other cell stays a text."""
    for name in _LISTS:
        if isinstance(cell := row.get(name), str):
            value = opened(cell)
            # A cell has no other way to say that its list has one entry.
            row[name] = [value] if value is cell and name in _PLURALS else value


def opened(cell: str) -> Any:
    """The list that a cell holds as JSON, or as pandas and print() write it; else the cell."""
    if not cell.lstrip().startswith("["):
        return cell
    try:
        return msgspec.json.decode(cell)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        value = ast.literal_eval(cell.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return cell  # a file may be called [a].wav
    return value if all(isinstance(item, str | dict) for item in value) else cell
