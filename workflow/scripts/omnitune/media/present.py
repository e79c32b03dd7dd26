"""Whether the media that rows name are there still: asked before a GPU is, not after hours on it."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from omnitune.errors import ExitCode, PipelineError


class _Media(msgspec.Struct):
    id: str = ""
    images: list[str] = []
    audios: list[str] = []
    videos: list[str] = []


def refuse_missing(files: Iterable[Path]) -> None:
    """Look for every medium of JSONL files of the split.

    Raises:
        PipelineError: names the first that is gone, its row, and how it comes back.
    """
    for file in files:
        for row, path in _media(file):
            if not os.path.exists(path):  # noqa: PTH110 (a Path for each costs more than the look itself)
                raise PipelineError(
                    f"its file {path} is gone",
                    where=f"{file} (id {row})",
                    fix="Put it back. Files under results are made again by: "
                    "snakemake --forcerun convert_source validate_source",
                    code=ExitCode.DATA,
                )


def _media(file: Path) -> Iterator[tuple[str, str]]:
    """(row's id, path) of every medium, each path once."""
    decoder, seen = msgspec.json.Decoder(_Media), set[int]()
    with file.open("rb") as lines:
        for line in lines:
            row = decoder.decode(line)
            for path in (*row.images, *row.audios, *row.videos):
                # Hashes: the paths of a million files would fill the memory.
                if hash(path) not in seen:
                    seen.add(hash(path))
                    yield row.id, path
