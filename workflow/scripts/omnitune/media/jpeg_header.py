"""JPEG headers: the segments up to the size. Source: ITU-T T.81, annex B."""

from struct import Struct

from omnitune.media import exif
from omnitune.media.facts import Opened
from omnitune.media.picture import Picture
from omnitune.validation.codes import RowError

_SEGMENT = Struct(">HH")
_FRAME = Struct(">BHHB")
# Baseline, extended and progressive; the others (lossless, arithmetic) are rare enough for Pillow.
_FRAMES = frozenset((0xFFC0, 0xFFC1, 0xFFC2))
_SKIPPED = frozenset((0xFFC4, 0xFFDB, 0xFFDD, 0xFFFE, *range(0xFFE0, 0xFFF0)))
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_MAX_SEGMENTS = 512


def read_jpeg(file: Opened) -> Picture | None:
    """The header of a JPEG; None when Pillow must look at it, as at a file of two pictures.

    Raises:
        RowError: E101 when the segments are lost.
    """
    unpack, head = _SEGMENT.unpack_from, file.head
    at, base, end = 2, 0, len(head) - 10
    turned, bad_exif, profile, seen_exif = 1, "", b"", False
    for _ in range(_MAX_SEGMENTS):
        if at > end:
            base += at
            head = file.read(base, 65536)
            at, end = 0, len(head) - 10
            if end < 0:
                return None
        marker, length = unpack(head, at)
        if marker in _FRAMES:
            bits, height, width, colours = _FRAME.unpack_from(head, at + 4)
            if bits != 8 or colours not in _MODES:
                return None
            progressive = marker == 0xFFC2
            start = base + at
            return Picture(
                "JPEG", _MODES[colours], width, height, turned, start, 1, False, progressive, bad_exif, profile
            )
        if marker == 0xFFFF:
            # Bytes of filling may stand before a marker.
            at += 1
            continue
        if marker < 0xFF00:
            # Decoders look for the next marker; Pillow does so byte by byte, through the whole file.
            at = head.find(b"\xff", at)
            if at < 0:
                raise RowError("E101", f"{file.path} is a damaged JPEG")
            continue
        if marker not in _SKIPPED or length < 2:
            return None
        if marker == 0xFFE1:
            content = file.read(base + at + 4, length - 2)
            if content.startswith(b"Exif\0\0"):
                if seen_exif:
                    return None
                seen_exif = True
                try:
                    turned = exif.orientation(content[6:])
                except ValueError as error:
                    bad_exif = str(error)
            elif b"tiff:Orientation" in content:
                return None
        elif marker == 0xFFE2:
            content = file.read(base + at + 4, length - 2)
            if content.startswith(b"MPF\0"):
                return None
            if content.startswith(b"ICC_PROFILE\0") and content[12:13] == b"\1":
                profile = content[14:]
        at += 2 + length
    return None
