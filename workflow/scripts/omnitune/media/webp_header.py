"""WebP headers. Source: RFC 9649."""

from struct import Struct

from msgspec.structs import replace

from omnitune.media import exif
from omnitune.media.facts import Opened
from omnitune.media.picture import Picture

_CHUNK = Struct("<4sI")
_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02
_MAX_CHUNKS = 100_000
_MAX_EXIF = 1 << 20


def read_webp(file: Opened, max_frames: int) -> Picture | None:
    """The header of a WebP; None when it is damaged. Counting the pictures stops behind `max_frames`."""
    head = file.head
    kind, data = head[12:16], head[20:30]
    if kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        return Picture("WEBP", "RGB", width, height)
    if kind == b"VP8L" and data[:1] == b"\x2f":
        bits = int.from_bytes(data[1:5], "little")
        mode = "RGBA" if bits >> 28 & 1 else "RGB"
        return Picture("WEBP", mode, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind != b"VP8X" or len(data) < 10:
        return None
    flags = data[0]
    width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (4, 7))
    picture = Picture("WEBP", "RGBA" if flags & _ALPHA else "RGB", width, height)
    return _read_chunks(file, picture, max_frames) if flags & (_ICC | _EXIF | _XMP | _ANIMATION) else picture


def _read_chunks(file: Opened, picture: Picture, max_frames: int) -> Picture | None:
    """What the extended format adds: the order of its chunks is fixed, EXIF and XMP come last."""
    at, frames = 30, 0
    for _ in range(_MAX_CHUNKS):
        chunk = file.read(at, 8)
        if len(chunk) < 8 or frames > max_frames:
            break
        kind, length = _CHUNK.unpack(chunk)
        if kind == b"ANMF":
            frames += 1
        elif kind == b"ICCP":
            picture = replace(picture, profile=file.read(at + 8, min(length, 65536)))
        elif kind == b"EXIF":
            try:
                block = file.read(at + 8, min(length, _MAX_EXIF)).removeprefix(b"Exif\0\0")
                picture = replace(picture, orientation=exif.orientation(block))
            except ValueError as error:
                picture = replace(picture, bad_exif=str(error))
        elif kind == b"XMP " and b"tiff:Orientation" in file.read(at + 8, min(length, _MAX_EXIF)):
            return None
        at += 8 + length + (length & 1)
    return replace(picture, frames=max(frames, 1))
