"""Which rows are shown: a few accepted ones of each kind and a few of every code, drawn by hash, not by order."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import xxhash

from omnitune.records import LedgerRow, Record, Unread, read_converted

PER_CODE = 3
PER_KIND = 4


class Sample(NamedTuple):
    """A row to show.

    Attributes:
        group: a code, or the kind of media that accepted rows have.
        verdict: its line of the ledger.
        row: the converted row; None when it could not be read.
    """

    group: str
    verdict: LedgerRow
    row: Record | None


class Draw:
    """Keeps the rows of each group whose ids have the lowest hashes: the same ones on every machine."""

    def __init__(self) -> None:
        self._heaps: dict[str, list[tuple[int, bytes]]] = defaultdict(list)

    def add(self, group: str, verdict: LedgerRow, most: int) -> None:
        """Consider a row for a group of at most `most`."""
        rank = -xxhash.xxh3_64_intdigest(f"{group}\0{verdict.id}\0{verdict.line}".encode())
        heap = self._heaps[group]
        if len(heap) < most:
            heapq.heappush(heap, (rank, msgspec.msgpack.encode(verdict)))
        elif rank > heap[0][0]:
            heapq.heapreplace(heap, (rank, msgspec.msgpack.encode(verdict)))

    def drawn(self) -> dict[str, list[LedgerRow]]:
        """group -> its rows, in the order of the draw."""
        decode = msgspec.msgpack.Decoder(LedgerRow).decode
        return {
            group: [decode(packed) for _, packed in sorted(heap, reverse=True)]
            for group, heap in sorted(self._heaps.items())
        }


def find_rows(drawn: dict[str, list[LedgerRow]], converted: Iterable[tuple[str, Path]]) -> Iterator[Sample]:
    """The drawn rows with their records.

    Args:
        drawn: what `Draw.drawn` gave.
        converted: (source, file of the convert stage) of every shard.
    """
    wanted = {(verdict.source, verdict.line) for rows in drawn.values() for verdict in rows}
    found: dict[tuple[str, int], Record | None] = {}
    for source, path in converted:
        left = {line for name, line in wanted if name == source and (name, line) not in found}
        if not left:
            continue
        for row in read_converted(path):
            if row.line in left:
                found[source, row.line] = None if isinstance(row, Unread) else row
                left.discard(row.line)
                if not left:
                    break
    for group, rows in drawn.items():
        for verdict in rows:
            yield Sample(group, verdict, found.get((verdict.source, verdict.line)))
