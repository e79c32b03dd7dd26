"""A folder tree of media: the files of one folder that share a stem are a row, with the text from `stem.txt`.

A row's id is its path without the suffix, its number the place in that order. Hidden files are passed over, and
links to folders are not followed.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import xxhash

from omnitune.errors import ExitCode, PipelineError
from omnitune.media.names import modality_of_suffix
from omnitune.readers.lines import MAX_LINE_BYTES
from omnitune.readers.row import WHOLE, Notes, Numbered, Part
from omnitune.validation.codes import RowError

_TEXT = ".txt"


def read(path: Path, part: Part = WHOLE, notes: Notes | None = None) -> Iterator[Numbered]:
    """A row {id, text, audio, video, image} for every stem of a medium; media are relative to the folder."""
    number = 0
    for folder, names in _folders(path):
        for stem, files in sorted(_stems(names).items()):
            if not any(modality_of_suffix(PurePosixPath(name).suffix) for name in files):
                continue
            if number == part.max_rows:
                return
            number += 1
            try:
                yield number, _row(path, folder, stem, files)
            except RowError as error:
                yield number, error
    if not number:
        raise PipelineError(
            "holds no picture, sound or video",
            where=str(path),
            fix="Name the folder that holds them.",
            code=ExitCode.DATA,
        )


def unused(path: Path) -> str:
    """What of the folder becomes no row, in words; empty when all does."""
    others: Counter[str] = Counter()
    texts = 0
    for _, names in _folders(path):
        for files in _stems(names).values():
            suffixes = [PurePosixPath(name).suffix.lower() for name in files]
            has_media = any(map(modality_of_suffix, suffixes))
            texts += 0 if has_media else suffixes.count(_TEXT)
            others.update(suffix for suffix in suffixes if suffix != _TEXT and not modality_of_suffix(suffix))
    parts = [f"{texts} .txt without a medium"] if texts else []
    parts += [f"{count} {suffix or 'without a suffix'}" for suffix, count in others.most_common(5)]
    return ", ".join(parts)


def state(path: Path) -> str:
    """A value that changes with the name, size or time of any file of the folder."""
    digest = xxhash.xxh3_128()
    try:
        for folder, names in _folders(path):
            for name in names:
                file = folder / name
                status = file.stat() if file.exists() else file.lstat()
                digest.update(os.fsencode(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\n"))
    except (PipelineError, OSError) as error:
        return str(error)  # reading the rows will tell it
    return digest.hexdigest()


def _folders(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder of the tree with the names of its files, in order, hidden ones left out."""
    if not path.is_dir():
        raise PipelineError("is not a folder", where=str(path), fix="Correct the path.")
    for place, folders, names in os.walk(path, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(place), sorted(name for name in names if not name.startswith("."))


def _refuse(error: OSError) -> None:
    raise PipelineError(
        f"cannot be read ({error.strerror})", where=str(error.filename), fix="Correct the folder's rights."
    )


def _stems(names: list[str]) -> dict[str, list[str]]:
    stems: dict[str, list[str]] = {}
    for name in names:
        stems.setdefault(PurePosixPath(name).stem, []).append(name)
    return stems


def _row(path: Path, folder: Path, stem: str, files: list[str]) -> dict[str, Any]:
    inner = folder.relative_to(path)
    for name in (str(inner), *files):
        if any("\ud800" <= char <= "\udfff" for char in name):
            raise RowError("E076", f"the file name {os.fsencode(name)!r} is not UTF-8")
    row: dict[str, Any] = {"id": str(inner / stem)}
    for name in files:
        suffix = PurePosixPath(name).suffix
        if modality := modality_of_suffix(suffix):
            row.setdefault(modality, []).append(str(inner / name))
        elif suffix.lower() == _TEXT:
            if "text" in row:
                raise RowError(
                    "E204", f"{inner / stem} has two texts, {' and '.join(sorted(files))}", "Remove one."
                )
            row["text"] = _text(folder / name, str(inner / name), path)
    return row


def _text(file: Path, name: str, root: Path) -> str:
    """The sidecar's text without blanks around it."""
    try:
        # A link could lead to any file of the machine, and what it holds would be trained on.
        if not file.resolve(strict=True).is_relative_to(root.resolve()):
            raise RowError("E068", f"{name} is a link that leaves the folder", "Copy the file.")
        if not stat.S_ISREG(file.stat().st_mode):
            raise RowError("E063", f"{name} is not a regular file")
        if file.stat().st_size > MAX_LINE_BYTES:
            raise RowError("E024", f"{name} has more than {MAX_LINE_BYTES // 2**20} MB", "Shorten the text.")
        content = file.read_bytes()
    except (OSError, RuntimeError) as error:
        raise RowError("E063", f"{name} cannot be read ({getattr(error, 'strerror', error)})") from None
    try:
        return content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise RowError(
            "E007", f"byte 0x{content[error.start]:02X} at offset {error.start} of {name} is not UTF-8"
        ) from None
