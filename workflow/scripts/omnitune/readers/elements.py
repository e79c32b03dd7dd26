"""The elements of one JSON array or object, cut out of the file as bytes and never decoded here.

A decoder for the whole file would end at the first mistake. Cut out by brackets and quotes alone, each element is
judged by itself, as a line of JSONL is, and none of them fills the memory.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from omnitune.readers.lines import MAX_LINE_BYTES, Line

_CHUNK_BYTES = 1024 * 1024
# A whole string, a quote whose string goes on in the next chunk, or what opens, parts and closes.
_token = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\],]', re.DOTALL)
_rest_of_string = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class Unbalanced(Exception):
    """The outermost brackets do not enclose the file."""


class _Element:
    """The pieces of the element being read; too many bytes are counted and let go."""

    def __init__(self, number: int) -> None:
        self.number, self.size = number, 0
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size <= MAX_LINE_BYTES:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def line(self) -> Line:
        return Line(self.number, b"".join(self._pieces).strip(), self.size, True)

    def is_blank(self) -> bool:
        return self.size <= MAX_LINE_BYTES and not b"".join(self._pieces).strip()


def elements(file: BinaryIO) -> Iterator[Line]:
    """What stands between the commas of the outermost brackets, numbered from 1.

    The file stands at the opening bracket.

    Raises:
        Unbalanced: after the last element, when the brackets say nothing more of where the next one begins.
    """
    element, depth, in_string, escaped = _Element(1), 0, False, False
    while depth >= 0 and (chunk := file.read(_CHUNK_BYTES)):
        begin = end = 0
        if in_string:
            # The chunk may begin with what a backslash at the end of the last one escapes.
            found = _rest_of_string.match(chunk, min(int(escaped), len(chunk)))
            if not found:
                escaped = _ends_escaped(chunk, escaped)
                element.add(chunk)
                continue
            in_string, end = False, found.end()
        for token in _token.finditer(chunk, end):
            kind = chunk[token.start()]
            if kind == ord('"'):
                if token.end() - token.start() == 1:
                    in_string, escaped = True, _ends_escaped(chunk[token.end() :], False)
                    break
            elif kind in b"{[":
                depth += 1
                if depth == 1:
                    begin = token.end()
            elif kind in b"}]":
                depth -= 1
                if not depth:
                    element.add(chunk[begin : token.start()])
                    if not element.is_blank():
                        yield element.line()
                        element = _Element(element.number + 1)
                    begin, depth = token.end(), -1
                    break
            elif depth == 1:
                element.add(chunk[begin : token.start()])
                yield element.line()
                element, begin = _Element(element.number + 1), token.end()
        element.add(chunk[begin:])
    if depth >= 0:
        raise Unbalanced(f"element {element.number} is not closed before the file ends")
    while not (follows := element.line().content) and (chunk := file.read(_CHUNK_BYTES)):
        element.add(chunk)
    if follows:
        raise Unbalanced(f"something follows the bracket that closes after element {element.number - 1}")


def _ends_escaped(text: bytes, escaped: bool) -> bool:
    """Whether the byte after `text`, inside a string, is escaped; `escaped`: whether its first byte is."""
    body = text[1:] if escaped else text
    return (len(body) - len(body.rstrip(b"\\"))) % 2 == 1
