"""What every reader gives: numbered rows, or what is wrong with them; and which part of a source is wanted."""

from typing import Any, NamedTuple

from omnitune.validation.codes import RowError

# A row by its columns, or why there is none, with its 1-based number in the source.
Numbered = tuple[int, dict[str, Any] | RowError]

# What was put right on the way, in words, by code. A reader's notes are of the file as a whole: it adds them
# before it gives the row that they stand at, and whoever reads the rows takes them out.
Notes = dict[str, str]


class Part(NamedTuple):
    """A contiguous part of a source.

    Attributes:
        shard, shards: part number `shard` (from 0) of `shards` of about equal size.
        max_rows: only the first rows of the source are there to be parted; None: all are.
    """

    shard: int = 0
    shards: int = 1
    max_rows: int | None = None


WHOLE = Part()
