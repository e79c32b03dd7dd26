"""Which rows belong together, and which file a group falls to.

Rows that share a medium, directly or through other rows, form one group; so do text rows with the same
question. A group is named by what its media are called inside their root, never by the order of rows or the
place of the checkout, and its name alone decides its file: rows added later move none of those before.
"""

import hashlib
import os
import unicodedata
from array import array
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from omnitune.errors import PipelineError
from omnitune.records import Record

# What a group holds: rows that may be tested on, and rows that may be nothing else.
_EVALUATES, _EVAL_ONLY = 1, 2


class Draw(NamedTuple):
    """The shares to hold out, and the seed: another one draws other groups."""

    val: float
    test: float
    seed: int


class Groups:
    """A union-find over media and questions; it holds numbers only, so that millions of rows fit in memory.

    Args:
        roots: the folders that media lie in.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        # The longest root first: of nested ones the inner one names the file.
        self._roots = sorted({os.path.realpath(root) + "/" for root in roots}, key=lambda root: (-len(root), root))
        self._nodes: dict[int, int] = {}
        self._parents = array("q")
        self._names = array("Q")
        self._flags = array("B")
        self._rows = array("q")

    def add(self, record: Record, use: Collection[str]) -> None:
        """Add the next row, whose source may be used for `use`."""
        media = [path for _, path in record.media()]
        if media:
            node = self._media_node(media[0])
            for path in media[1:]:
                node = self._join(node, self._media_node(path))
        else:
            name = _number("question", _question(record))
            node = self._node(name, name)
        if "eval" in use:
            trains = "sft" in use or "grpo" in use
            self._flags[self._root(node)] |= _EVALUATES if trains else _EVALUATES | _EVAL_ONLY
        self._rows.append(node)

    def split(self, row: int, draw: Draw) -> str:
        """train, val or test: where the group of row number `row` falls, once all rows are added."""
        root = self._root(self._rows[row])
        share = _number(str(draw.seed), str(self._names[root])) / 2**64
        flags = self._flags[root]
        if flags & _EVAL_ONLY or (flags & _EVALUATES and share < draw.test):
            return "test"
        return "val" if draw.test <= share < draw.test + draw.val else "train"

    def _media_node(self, path: str) -> int:
        identity = _number("path", path)
        node = self._nodes.get(identity)
        return self._node(identity, _number("medium", self._inside_root(path))) if node is None else node

    def _inside_root(self, path: str) -> str:
        for root in self._roots:
            if path.startswith(root):
                return path[len(root) :]
        raise PipelineError(
            "lies in none of the media roots",
            where=path,
            fix="Give the roots that the rows were converted with.",
        )

    def _node(self, identity: int, name: int) -> int:
        node = self._nodes.setdefault(identity, len(self._parents))
        if node == len(self._parents):
            self._parents.append(node)
            self._names.append(name)
            self._flags.append(0)
        return node

    def _root(self, node: int) -> int:
        parents = self._parents
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    def _join(self, one: int, other: int) -> int:
        one, other = self._root(one), self._root(other)
        if one != other:
            # The smallest name wins, whichever way round the rows come.
            self._parents[other] = one
            self._names[one] = min(self._names[one], self._names[other])
            self._flags[one] |= self._flags[other]
        return one


def _question(record: Record) -> str:
    """What the row asks, without differences in case, width and spaces."""
    turns = [message.content for message in record.messages if message.role == "user"]
    text = "\n".join(turns)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def _number(kind: str, text: str) -> int:
    """A 64-bit number of a text; equal on every machine."""
    return int.from_bytes(hashlib.blake2b(f"{kind}\0{text}".encode(), digest_size=8).digest(), "big")
