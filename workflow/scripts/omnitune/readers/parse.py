"""One line of JSONL to a dict, or the code that says what is wrong with it."""

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from omnitune.readers.lines import MAX_LINE_BYTES, Line
from omnitune.validation.codes import RowError

MAX_DEPTH = 32
_decode = msgspec.json.Decoder().decode
_position = re.compile(r"\(byte (\d+)\)")
_spaced_key = re.compile(rb'"[ \t\r]+:')


def parse_row(line: Line) -> dict[str, Any]:
    """The object that the line holds.

    Raises:
        RowError: it holds none, or one that would be read differently elsewhere (a key given twice).
    """
    content = line.content
    if not content:
        raise RowError("E024", f"line of {line.size / 2**20:.1f} MB, the limit is {MAX_LINE_BYTES // 2**20} MB")
    try:
        row = _decode(content)
    except RecursionError:
        raise RowError("E023", f"nested deeper than {MAX_DEPTH} levels") from None
    except UnicodeDecodeError as error:
        raise _not_utf8(content, error) from None
    except msgspec.DecodeError as error:
        raise _explain(line, str(error)) from None
    if not isinstance(row, dict):
        raise RowError("E019", f"the row is {_kind(row)}, not an object")
    # Keys that occur twice vanish in the decoded row, so the raw line is counted against it.
    keys = _count_keys(row, MAX_DEPTH)
    if content.count(b'":') != keys or _spaced_key.search(content):
        _refuse_duplicate_keys(content)
    if b"\\u0000" in content:
        _refuse_nul(row)
    return row


def _count_keys(value: dict[str, Any] | list[Any], depth: int) -> int:
    """The number of keys in a decoded value; it may not be deeper than `depth`."""
    if not depth:
        raise RowError("E023", f"nested deeper than {MAX_DEPTH} levels")
    count = 0
    items: Iterable[Any] = value
    if isinstance(value, dict):
        count, items = len(value), value.values()
    for item in items:
        # The decoder makes exactly these two, and this loop sees every value of every row.
        if type(item) is dict or type(item) is list:
            count += _count_keys(item, depth - 1)
    return count


def _refuse_duplicate_keys(content: bytes) -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise RowError("E013", f'key "{key[:40]}" is given twice')
            seen.add(key)

    json.loads(content, object_pairs_hook=check)


def _refuse_nul(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise RowError("E009", "a text holds a NUL character (\\u0000)")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_nul(key)
            _refuse_nul(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_nul(item)


def _not_utf8(content: bytes, error: UnicodeDecodeError) -> RowError:
    # msgspec counts from the start of the string; a reader wants the place in the line.
    try:
        content.decode()
    except UnicodeDecodeError as whole:
        error = whole
    return RowError("E007", f"byte 0x{error.object[error.start]:02X} at column {error.start + 1} is not UTF-8")


def _explain(line: Line, reason: str) -> RowError:
    """Why a line is not JSON, from how it looks and what a more tolerant reader makes of it."""
    content = line.content
    found = _position.search(reason)
    offset = int(found[1]) if found else len(content)
    rest = content[offset:]
    if b"\0" in content:
        return RowError("E008", f"NUL byte at column {content.index(0) + 1}")
    if "trailing characters" in reason:
        # Here alone the position is that of the byte after the offending one.
        offset, rest = offset - 1, content[offset - 1 :]
        if rest.lstrip(b", ").startswith(b"{"):
            return RowError("E020", f"a second object begins at column {offset + 1}")
        return RowError("E001", f"not valid JSON: something follows the object at column {offset + 1}")
    if "out of range" in reason:
        return RowError("E015", "a number is out of range")
    if rest.lstrip(b"-").startswith((b"NaN", b"Infinity", b"nan", b"inf")):
        word = re.match(rb"-?\w+", rest)
        return RowError(
            "E014", f"{word[0].decode() if word else 'NaN'} at column {offset + 1} is not a JSON number"
        )
    if re.match(rb"\{\s*'", content):
        return RowError("E018", "keys in single quotes are Python, not JSON")
    if word := re.match(rb"None|True|False|'", rest):
        return RowError("E018", f"{word[0].decode()} at column {offset + 1} is Python, not JSON")
    if "surrogate" in reason or _is_tolerable(content):
        return RowError("E010", "a \\u escape is half of a surrogate pair")
    if not content.startswith((b"{", b"[", b'"')):
        return RowError("E001", "not valid JSON at column 1")
    if "truncated" in reason and not line.complete:
        return RowError("E002", "the last line is cut off")
    if "truncated" in reason:
        return RowError("E001", "not valid JSON: the line ends too early")
    return RowError("E001", f"not valid JSON at column {offset + 1}")


def _is_tolerable(content: bytes) -> bool:
    """Whether the standard library, which lets half a surrogate pass, reads the line."""
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
