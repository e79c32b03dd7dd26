"""Whether an image file ends where its image does."""

import mmap

from omnitune.media.facts import Opened
from omnitune.media.picture import Picture
from omnitune.validation.codes import Finding, RowError

_END_OF_JPEG = b"\xff\xd9"
_END_OF_PNG = b"\0\0\0\0IEND\xaeB`\x82"
_ENDS = {"JPEG": _END_OF_JPEG, "MPO": _END_OF_JPEG, "PNG": _END_OF_PNG, "GIF": b"\x3b"}
_TAIL = 64
# Only a file that does not end as it should is searched, and no more of it than this.
_MAX_SEARCH = 128 << 20
_MAX_PADDING = 1 << 20
_SEARCHED = ("JPEG", "PNG")


def check_end(file: Opened, picture: Picture) -> tuple[Finding, ...]:
    """A finding when something follows the image; a RowError when the image is cut off."""
    name = picture.format
    mark = _ENDS.get(name)
    if mark is None:
        return _check_length(file, name)
    size = file.size
    tail = file.read(max(size - _TAIL, 0), _TAIL)
    # Cameras pad with zeros.
    if tail.endswith(mark) or tail.rstrip(b"\0").endswith(mark) or size > _MAX_SEARCH or name not in _SEARCHED:
        return ()
    # In compressed JPEG data a zero follows each 0xff, so the first mark after the header is the end.
    with mmap.mmap(file.fd, 0, access=mmap.ACCESS_READ) as content:
        end = content.find(mark, picture.start)
        if end < 0:
            raise RowError("E101", f"{file.path} is cut off: its image data has no end")
        end += len(mark)
        padded = not content[end : end + _MAX_PADDING].strip(b"\0")
    return () if padded else _trailing(file, end)


def _check_length(file: Opened, name: str) -> tuple[Finding, ...]:
    """The same for formats that say their length."""
    if name == "WEBP":
        length = 8 + int.from_bytes(file.head[4:8], "little")
    elif name == "BMP":
        length = int.from_bytes(file.head[2:6], "little")
        if length == 0:
            return ()
    else:
        return ()
    if file.size < length:
        raise RowError("E101", f"{file.path} is cut off: {file.size} of {length} bytes")
    return _trailing(file, length) if file.size > length + 1 else ()


def _trailing(file: Opened, end: int) -> tuple[Finding, ...]:
    return (Finding("E122", f"{file.path} has {file.size - end} bytes after the image"),)
