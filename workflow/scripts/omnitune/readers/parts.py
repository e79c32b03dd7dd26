"""Of which part of which content a file of rows was made, noted beside it.

The parts of a source are read by jobs of their own. When the file changes between two of them, what they read does
not join, and rows would be lost without a line: whoever puts the parts together asks these notes first.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import xxhash

from omnitune import publish
from omnitune.errors import ExitCode, PipelineError
from omnitune.readers import folder
from omnitune.readers.row import Part

# Larger files are told apart by size and time: hashing them would be felt at every start of a run.
_HASHED_BYTES = 64 * 1024**2


class PartOf(msgspec.Struct, frozen=True):
    """What a file of rows was made of.

    Attributes:
        content: tells the source's content from any other.
        shard, shards, max_rows: the part of it.
    """

    content: str
    shard: int
    shards: int
    max_rows: int | None


def content(path: Path) -> str:
    """A value that tells what a file or folder holds from another content; empty when there is nothing."""
    if path.is_dir():
        return folder.state(path)
    if not path.is_file():
        return ""
    state = path.stat()
    if state.st_size > _HASHED_BYTES:
        return f"{state.st_size} bytes, time {state.st_mtime_ns}"
    return xxhash.xxh3_128_hexdigest(path.read_bytes())


def note(rows: Path, source: Path, part: Part) -> None:
    """Write down that `rows` were made of this part of the source as it is now."""
    publish.write_json(_beside(rows), msgspec.to_builtins(PartOf(content(source), *part)))


def forget(rows: Path) -> None:
    """Take the note away, before other rows take the place of those that it is about."""
    _beside(rows).unlink(missing_ok=True)


def pass_on(rows: Path, made: Path) -> None:
    """Give `made` the note of the rows that it was made of, if they have one."""
    if _beside(rows).is_file():
        publish.write_json(_beside(made), msgspec.to_builtins(_read(rows)))


def refuse_strangers(source: str, path: str, files: Sequence[Path]) -> None:
    """Hold a source's files of rows together, in their order; files made by hand, without notes, pass.

    Raises:
        PipelineError: they are not the parts of one content, each once.
    """
    noted = [_read(file) for file in files if _beside(file).is_file()]
    if not noted:
        return
    first = noted[0]
    wanted = [PartOf(first.content, shard, len(files), first.max_rows) for shard in range(len(files))]
    if noted != wanted:
        raise PipelineError(
            f"its {len(files)} parts were not read from one and the same file, so rows may be lost between them",
            where=f"sources.{source} ({path})" if path else f"sources.{source}",
            fix="Was it changed meanwhile? When it is whole, read it again: snakemake --forcerun convert_source",
            code=ExitCode.DATA,
        )


def _beside(rows: Path) -> Path:
    return rows.with_suffix(".part.json")


def _read(rows: Path) -> PartOf:
    return msgspec.json.decode(_beside(rows).read_bytes(), type=PartOf)
