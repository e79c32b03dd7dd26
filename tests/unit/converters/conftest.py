"""A source whose folder holds one medium of each kind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from media_files import write_jsonl

from omnitune import converters
from omnitune.records import Converted

Convert = Callable[..., Converted]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The root; converters look at a medium's place only, so any bytes will do."""
    for name in ("a.wav", "b.wav", "i.png", "j.png", "v.mp4"):
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"media")
    return tmp_path / "data"


@pytest.fixture
def convert(data: Path) -> Convert:
    """Convert one row (a dict, or the bytes of its line) of the source `s`."""

    def one(row: Any, format: str = "messages", columns: dict[str, str] | None = None) -> Converted:
        path = write_jsonl(data / "rows.jsonl", [row])
        source = converters.open_source("s", path, "t", columns or {}, [data], data.parent / "embedded")
        (converted,) = converters.convert_rows(source, format)
        return converted

    return one
