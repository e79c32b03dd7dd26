"""How rows are read from a source: one file of this folder a kind of file, all with one interface.

A reader knows nothing of what the rows mean; that is the converters' part.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from omnitune.readers import delimited, folder, json_items, jsonl, parquet
from omnitune.readers.row import WHOLE, Notes, Numbered, Part

__all__ = ["READERS", "WHOLE", "Notes", "Numbered", "Part", "Reader", "reader_name"]


class Read(Protocol):
    """Gives the numbered rows of a part of a source, and notes what was put right of the file."""

    def __call__(self, path: Path, part: Part = ..., notes: Notes | None = ...) -> Iterator[Numbered]:
        """The rows, in order."""


class Reader(NamedTuple):
    """One kind of source.

    Attributes:
        read: gives the rows.
        sharded: whether a part can be found without reading all that comes before it.
        table: whether every row has every column, so that null means absent.
        cells: whether all values are text, lists too.
        unused: what of the source becomes no row, in words.
    """

    read: Read
    sharded: bool = False
    table: bool = False
    cells: bool = False
    unused: Callable[[Path], str] = lambda path: ""


READERS: Mapping[str, Reader] = {
    "jsonl": Reader(jsonl.read, sharded=True),
    "json": Reader(json_items.read),
    "csv": Reader(delimited.read_csv, table=True, cells=True),
    "tsv": Reader(delimited.read_tsv, table=True, cells=True),
    "parquet": Reader(parquet.read, sharded=True, table=True),
    "folder": Reader(folder.read, unused=folder.unused),
}


def reader_name(format: str, path: Path) -> str:
    """The reader of a source: its format's own, else by the path's suffix, else JSONL's."""
    if format in READERS:
        return format
    suffix = path.suffix.lower().removeprefix(".")
    return "folder" if path.is_dir() else suffix if suffix in READERS else "jsonl"
