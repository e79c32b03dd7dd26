"""A JPEG without what does not belong to its picture, byte for byte: nothing is decoded, no pixel changes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from omnitune.validation.codes import RowError

_START, _END, _SCAN = b"\xff\xd8", 0xD9, 0xDA
_NEXT_PICTURE = b"\xff\xd9\xff\xd8\xff"
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length (ITU-T T.81, table B.1)
# What ends coded data: a marker that is neither a stuffed byte nor a restart.
_AFTER_SCAN = re.compile(rb"\xff+(?=[^\x00\xff\xd0-\xd7])")
_EXIF, _MORE_PICTURES = (0xE1, b"Exif\0"), (0xE2, b"MPF\0")


def write_bare(path: str, output: BinaryIO, *, exif: bool) -> None:
    """Write the picture of `path`: what follows its end is left out, and its EXIF unless `exif`."""
    dropped = [_MORE_PICTURES, *([] if exif else [_EXIF])]
    output.write(_START)
    for marker, part in _parts(path, Path(path).read_bytes()):
        if not any(marker == kind and part[4:].startswith(name) for kind, name in dropped):
            output.write(part)


def count_behind(path: str) -> int:
    """Bytes of the pictures that follow the one of `path`; 0 when it is alone, or not in order.

    A file of several ends as a picture does, and only reading all of it tells.
    """
    content = Path(path).read_bytes()
    # The end of a preview in the header looks the same.
    if content.rfind(_NEXT_PICTURE) < 0:
        return 0
    try:
        return len(content) - len(_START) - sum(len(part) for _, part in _parts(path, content))
    except RowError:
        return 0


def _parts(path: str, content: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, its bytes with all data up to the next) from behind the start to the end of the picture."""
    place = len(_START)
    while content[place : place + 1] == b"\xff" and place + 2 <= len(content):
        marker = content[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        end = place + 2
        if marker == _END:
            yield marker, content[place:end]
            return
        if marker not in _ALONE:
            end += int.from_bytes(content[end : end + 2])
        if marker == _SCAN:
            found = _AFTER_SCAN.search(content, end)
            end = found.start() if found else len(content)
        yield marker, content[place:end]
        place = end
    raise RowError("E101", f"{path} has no end of its picture")
