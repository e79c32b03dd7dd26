"""What a row is known by, as 64-bit numbers: its content, its media and its question."""

import hashlib
import os
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from omnitune.errors import PipelineError
from omnitune.records import Medium, Record
from omnitune.validation.near import Bands

# Sorts of what rows may share.
PATH, DIGEST, CONTENT, QUESTION, TEXT, NEAR_TEXT = range(6)

_encode = msgspec.msgpack.Encoder().encode


class Identity(NamedTuple):
    """The numbers of one row.

    Attributes:
        whole: equal for rows with equal turns, solution and media.
        text: of turns and solution alone; None for a row without media.
        name: what it is dealt by, when nothing ties it to an earlier row.
        key: its first file, or the question of a row without media.
        holds: (sort, key) of its other files, of what is known of all of them, and of bands of its text, of which
            nearly equal texts share one.
    """

    whole: int
    text: int | None
    name: int
    key: int
    holds: list[tuple[int, int]]


class Identifier:
    """Tells rows apart.

    Python's own hashes are good within one process only, and are kept no longer; names are equal on every machine.

    Args:
        roots: the folders that media lie in.
        near: Jaccard similarity from which texts count as nearly the same; 0: they are not compared.
    """

    def __init__(self, roots: Sequence[Path], near: float = 0.0) -> None:
        # The longest root first: of nested ones the inner one names the file.
        self._roots = sorted({os.path.realpath(root) + "/" for root in roots}, key=lambda root: (-len(root), root))
        self._bands = Bands(near) if near else None
        # Rows on the same file often follow each other.
        self._name = lru_cache(maxsize=1024)(self._name_of)

    def identify(self, record: Record, rewarded: bool = False) -> Identity:
        """The row's numbers; `rewarded`: its other columns matter too, since rewards read them."""
        body = _encode((record.messages, record.solution))
        extra = _encode(record.extra) if rewarded and record.extra else b""
        if paths := [*record.images, *record.audios, *record.videos]:
            known = list(zip(paths, _known(record, len(paths)), strict=True))
            media = tuple([medium.digest or path for path, medium in known])
            key, *files = [hash(path) for path in paths]
            holds = [(PATH, file) for file in files] + [fact for _, medium in known for fact in _facts(medium)]
            name = min([self._name(medium.origin or path) for path, medium in known])
            text = hash(body)
        else:
            media, holds, text = (), [], None
            key = name = number("question", _plain(record, ("user",)))
        if self._bands:
            bands = self._bands.of(_plain(record, ("user", "assistant")), media)
            holds += [(NEAR_TEXT, band) for band in bands]
        return Identity(hash((body, media, extra)), text, name, key, holds)

    def _name_of(self, path: str) -> int:
        return number("medium", self._inside_root(path))

    def _inside_root(self, path: str) -> str:
        for root in self._roots:
            if path.startswith(root):
                return path[len(root) :]
        raise PipelineError(
            "lies in none of the media roots",
            where=path,
            fix="Give the roots that the rows were converted with.",
        )


def number(kind: str, text: str) -> int:
    """A signed 64-bit number of a text; equal on every machine, and as good as drawn."""
    digest = hashlib.blake2b(f"{kind}\0{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") - 2**63


def _known(record: Record, count: int) -> Sequence[Medium]:
    """What is known of each of the row's media."""
    media = record.facts.media if record.facts else []
    return media if len(media) == count else [Medium("")] * count


def _facts(medium: Medium) -> list[tuple[int, int]]:
    keys = ((PATH, medium.origin), (DIGEST, medium.digest), (CONTENT, medium.content))
    return [(sort, hash(key)) for sort, key in keys if key]


def _plain(record: Record, roles: Sequence[str]) -> str:
    """The turns of these roles, without differences in case, width and spaces."""
    text = "\n".join([message.content for message in record.messages if message.role in roles])
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.casefold()
    # Most texts are in order, and to see that is cheaper than to split and join them.
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(text.split())
