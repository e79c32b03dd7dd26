"""Changes to the boxes of an MP4 file, for headers that no encoder writes."""

import struct
from collections.abc import Callable
from pathlib import Path


def edit(path: Path, where: str, change: Callable[[bytes], bytes], track: int = 0) -> Path:
    """Change the body of one box, by its names from the top: `moov/trak/mdia/mdhd`.

    The sizes of the boxes around it follow; the samples must lie in front of the index, or keep their place.
    """
    path.write_bytes(_edit(path.read_bytes(), where.encode().split(b"/"), change, track))
    return path


def box(kind: bytes, body: bytes) -> bytes:
    """A box of this content."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _edit(data: bytes, names: list[bytes], change: Callable[[bytes], bytes], track: int) -> bytes:
    result, at, found = b"", 0, False
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + size]
        if kind == names[0] and not found:
            if kind == b"trak" and track:
                track -= 1
            else:
                found = True
                body = _edit(body, names[1:], change, track) if names[1:] else change(body)
        result += box(kind, body)
        at += size
    assert found, names
    return result


def put(at: int, form: str, *values: int) -> Callable[[bytes], bytes]:
    """A change that writes numbers over the bytes at `at`."""
    new = struct.pack(form, *values)
    return lambda body: body[:at] + new + body[at + len(new) :]
