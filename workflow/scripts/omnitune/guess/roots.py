"""Where the media of the rows lie: the folders that must be media roots."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omnitune.converters.source import MEDIA_COLUMNS
from omnitune.guess.columns import modality_of


class Media(NamedTuple):
    """What became of the media that the rows name.

    Attributes:
        roots: folders that hold all files that were found.
        named: how many files are named.
        found: how many of them are there.
        urls: how many more are URLs, which are not read.
        embedded: how many more lie in the rows as base64.
    """

    roots: list[Path]
    named: int
    found: int
    urls: int
    embedded: int


def find_media(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], file: Path, data: Path) -> Media:
    """Look for the files of all media of the rows.

    Args:
        rows: of the source.
        columns: source column -> our field.
        file: the source.
        data: what the user named, the file or a folder above it.
    """
    values = Counter(value for row in rows for value in _values(row, columns))
    urls = sum(count for value, count in values.items() if value.startswith(("http://", "https://")))
    embedded = sum(count for value, count in values.items() if value.startswith("data:"))
    paths = {value: count for value, count in values.items() if not value.startswith(("http:", "https:", "data:"))}
    own, *others = _bases(file, data)
    roots: list[Path] = []
    outside: list[Path] = []
    found = 0
    for path, count in paths.items():
        base = _base(path, [own, *others])
        # What is no medium by its name opens no folder: a row may name anything.
        if base is None or not modality_of(path):
            continue
        found += count
        real = Path(os.path.realpath(base / path))
        # A relative path is looked for in the source's folder and in the roots, so another base must be a root.
        if base != own and not Path(path).is_absolute():
            roots.append(base)
        if real.is_relative_to(os.path.realpath(own)):
            # Rows beyond the sample may name its other folders. But never the whole checkout.
            inner = real.relative_to(os.path.realpath(own)).parts
            roots.append(own if own != Path.cwd() or len(inner) == 1 else own / inner[0])
        elif not real.is_relative_to(os.path.realpath(base)) or Path(path).is_absolute():
            outside.append(real.parent)
    return Media(_outermost([*roots, *common_folders(outside)]), sum(paths.values()), found, urls, embedded)


def _values(row: Mapping[str, Any], columns: Mapping[str, str]) -> Iterator[str]:
    """Paths, URLs and base64 of a row, out of its media columns and the content parts of its turns."""
    fields = {name for names in MEDIA_COLUMNS.values() for name in names}
    for name, value in row.items():
        if columns.get(name, name) in fields:
            yield from filter(None, map(_place, value if isinstance(value, list) else [value]))
        elif isinstance(value, list):
            for turn in value:
                content = turn.get("content") if isinstance(turn, dict) else None
                for part in content if isinstance(content, list) else []:
                    yield from _part_values(part)


def _place(item: Any) -> str:
    """Where a medium is; empty when it is nowhere."""
    if isinstance(item, dict) and item.get("bytes") is None:
        item = item.get("path")
    return "data:" if isinstance(item, bytes | dict) else item if isinstance(item, str) else ""


def _part_values(part: Any) -> Iterator[str]:
    if not isinstance(part, dict) or part.get("type") in (None, "text"):
        return
    for key, value in part.items():
        if isinstance(value, dict):
            value = "data:" if "data" in value else value.get("url")
        if key != "type" and isinstance(value, str) and value:
            yield value


def _bases(file: Path, data: Path) -> list[Path]:
    """Folders that relative paths may start from: the source's own first."""
    here = Path.cwd()
    own = file.absolute() if file.is_dir() else file.absolute().parent
    above = [folder for folder in own.parents if folder.is_relative_to(here)]
    # Where a data set was unpacked elsewhere: its folder, but not one so far up that it holds a whole disk.
    beside = [folder for folder in (data.absolute(), own.parent) if folder.is_dir() and len(folder.parts) > 2]
    return list(dict.fromkeys([own, *beside, *above, here / "data", here]))


def _base(path: str, bases: Sequence[Path]) -> Path | None:
    for base in bases:
        try:
            if (base / path).is_file():
                return base
        except (OSError, ValueError):  # too long a name, a NUL
            return None
    return None


def common_folders(folders: Iterable[Path]) -> list[Path]:
    """The innermost folders that hold all of these, but for what they share only near the root of the disk."""
    groups: dict[tuple[str, ...], list[Path]] = {}
    for folder in dict.fromkeys(folders):
        if len(folder.parts) > 1:  # the whole disk is no root
            groups.setdefault(folder.parts[:3], []).append(folder)
    return [Path(os.path.commonpath(group)) for group in groups.values()]


def _outermost(folders: Iterable[Path]) -> list[Path]:
    distinct = sorted(set(folders))
    return [one for one in distinct if not any(one != other and one.is_relative_to(other) for other in distinct)]


def shown(path: Path) -> str:
    """The path as a config should name it: from here when it lies here, else absolute."""
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
