"""One question about one piece of media: what every demo task produces."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "audio", "video"]
SUFFIX: dict[Kind, str] = {"image": ".png", "audio": ".wav", "video": ".mp4"}


@dataclass(frozen=True)
class Example:
    """A question, its one right answer, and the encoded media it is about (None: it stands alone)."""

    question: str
    answer: str
    kind: Kind | None = None
    media: bytes | None = None


def distinct(examples: Iterable[Example]) -> Iterator[Example]:
    """The examples without repeats, so that no two rows or splits share their media or their question."""
    seen: set[bytes | str] = set()
    for example in examples:
        key = example.question if example.media is None else example.media
        if key not in seen:
            seen.add(key)
            yield example
