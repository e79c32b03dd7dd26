"""Whether the media that rows name are what was validated: asked before a GPU is, not after hours on it."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from omnitune.errors import ExitCode, PipelineError
from omnitune.records import Record, encode

# Beside the split's files of rows: their media as the validate stage found them.
STATES = "media.jsonl"


class State(msgspec.Struct):
    """A medium and its file's size and time of change; zeros when nobody looked."""

    path: str
    size: int = 0
    mtime_ns: int = 0


class _States(msgspec.Struct):
    id: str
    split: list[str]
    media: list[State]


class _Named(msgspec.Struct):
    id: str = ""
    images: list[str] = []
    audios: list[str] = []
    videos: list[str] = []


def states(record: Record, split: list[str]) -> bytes:
    """The line of STATES on a record that goes to these files; empty for one without media."""
    if not (paths := [path for _, path in record.media()]):
        return b""
    known = record.facts.media if record.facts else []
    if len(known) != len(paths):
        return encode(_States(record.id, split, list(map(State, paths))))
    media = [State(path, one.size, one.mtime_ns) for path, one in zip(paths, known, strict=True)]
    return encode(_States(record.id, split, media))


def refuse_missing(files: Iterable[Path]) -> None:
    """Look at every medium of JSONL files of the split.

    Rows that do not come with STATES, as those written by hand, are only asked whether their media are there.

    Raises:
        PipelineError: names the first that is gone or was changed, its row, and what helps.
    """
    for file in files:
        noted = file.with_name(STATES)
        for row, state in _once(_noted(noted, file.stem) if noted.is_file() else _named(file)):
            try:
                now = os.stat(state.path)  # noqa: PTH116 (a Path for each costs more than the look itself)
            except OSError:
                raise PipelineError(
                    f"its file {state.path} is gone",
                    where=f"{file} (id {row})",
                    fix="Put it back. Files under results are made again by: "
                    "snakemake --forcerun convert_source validate_source",
                    code=ExitCode.DATA,
                ) from None
            if state.mtime_ns and (state.size, state.mtime_ns) != (now.st_size, now.st_mtime_ns):
                raise PipelineError(
                    f"its file {state.path} was changed since it was validated",
                    where=f"{file} (id {row})",
                    fix="Put it back as it was, or validate it again: snakemake --forcerun validate_source",
                    code=ExitCode.DATA,
                )


def _once(media: Iterable[tuple[str, State]]) -> Iterator[tuple[str, State]]:
    """Each path once. As hashes: the paths of a million files would fill the memory."""
    seen = set[int]()
    for row, state in media:
        if hash(state.path) not in seen:
            seen.add(hash(state.path))
            yield row, state


def _noted(noted: Path, name: str) -> Iterator[tuple[str, State]]:
    """(row's id, medium) of the rows of the file of this name."""
    decoder = msgspec.json.Decoder(_States)
    with noted.open("rb") as lines:
        for row in map(decoder.decode, lines):
            if name in row.split:
                yield from ((row.id, state) for state in row.media)


def _named(file: Path) -> Iterator[tuple[str, State]]:
    """(row's id, medium) of the rows themselves."""
    decoder = msgspec.json.Decoder(_Named)
    with file.open("rb") as lines:
        for row in map(decoder.decode, lines):
            yield from ((row.id, State(path)) for path in (*row.images, *row.audios, *row.videos))
