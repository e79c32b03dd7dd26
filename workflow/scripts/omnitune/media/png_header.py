"""PNG headers: the chunks up to the pixels. Source: the PNG specification, third edition."""

import zlib
from struct import Struct

from omnitune.media import exif
from omnitune.media.facts import Opened
from omnitune.media.picture import Picture
from omnitune.validation.codes import RowError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK = Struct(">I4s")
_HEADER = Struct(">IIBBBBB")
# Pillow's modes, by bits and colour type.
_MODES = {
    (1, 0): "1", (2, 0): "L", (4, 0): "L", (8, 0): "L", (16, 0): "I;16", (8, 2): "RGB", (16, 2): "RGB",
    (1, 3): "P", (2, 3): "P", (4, 3): "P", (8, 3): "P", (8, 4): "LA", (16, 4): "RGBA", (8, 6): "RGBA",
    (16, 6): "RGBA",
}  # fmt: skip
_MAX_CHUNKS = 512
# Pillow opens no file with more in one compressed text or profile.
_MAX_UNPACKED = 1 << 20
_MAX_EXIF = 1 << 20


def read_png(file: Opened) -> Picture | None:
    """The header of a PNG; None when Pillow must look at it.

    Raises:
        RowError: E105 when a compressed text or profile is a bomb.
    """
    head = file.head
    if head[8:16] != b"\0\0\0\rIHDR" or len(head) < 33:
        return None
    width, height, bits, colour, _, _, interlaced = _HEADER.unpack_from(head, 16)
    mode = _MODES.get((bits, colour))
    if mode is None or zlib.crc32(head[12:29]) != int.from_bytes(head[29:33], "big"):
        return None
    turned, frames, transparent, bad_exif, profile = 1, 1, False, "", b""
    at, end = 33, file.size - 12
    for _ in range(_MAX_CHUNKS):
        if at > end:
            return None
        length, kind = _CHUNK.unpack(file.read(at, 8))
        if kind == b"IDAT":
            return Picture(
                "PNG", mode, width, height, turned, at, frames, transparent, bool(interlaced), bad_exif, profile
            )
        if kind == b"tRNS":
            transparent = True
        elif kind == b"acTL":
            frames = int.from_bytes(file.read(at + 8, 4), "big")
        elif kind == b"eXIf":
            try:
                turned = exif.orientation(file.read(at + 8, min(length, _MAX_EXIF)).removeprefix(b"Exif\0\0"))
            except ValueError as error:
                bad_exif = str(error)
        elif kind in (b"zTXt", b"iTXt", b"iCCP"):
            content = _unpack(kind, file.read(at + 8, min(length, _MAX_UNPACKED)))
            if len(content) > _MAX_UNPACKED:
                raise RowError("E105", f"{file.path} has a {kind.decode()} chunk of more than a megabyte")
            if kind == b"iCCP":
                profile = content
            elif b"tiff:Orientation" in content or b"Raw profile type" in content:
                return None
        elif kind == b"tEXt" and file.read(at + 8, 16) == b"Raw profile type":
            return None
        at += 12 + length
    return None


def _unpack(kind: bytes, content: bytes) -> bytes:
    """The text or profile in a chunk, a little more than a megabyte of it at most; empty when it is damaged."""
    name, _, rest = content.partition(b"\0")
    if kind == b"iTXt":
        if rest[:1] != b"\1":
            return content[:_MAX_UNPACKED]
        # Compression flag and method, then language and translated keyword, each ended by a zero.
        rest = b"\0" + rest[2:].split(b"\0", 2)[-1]
    try:
        unpacked = zlib.decompressobj().decompress(rest[1:], _MAX_UNPACKED + 1)
    except zlib.error:
        return b""
    return name + b"\0" + unpacked if kind == b"zTXt" else unpacked
