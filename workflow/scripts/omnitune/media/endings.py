"""Whether a media file is all there, judged by the structure that its first bytes announce.

Every format that says where it ends is held to it. What a format does not say is left to the decoder.
"""

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple, Protocol

from omnitune.media.wav_header import left_open

_BLOCK = 1 << 20
_TAIL = 1 << 16
# Bytes of what some programs write behind a FLAC (ID3v1), and of a frame's header, at most.
_TAG = 256
_FRAME_HEADER = 16
# Chunks, boxes or segments that are followed; a file with more was made to keep its readers busy.
_MOST = 200_000
_PNG_CHUNK, _RIFF_CHUNK = Struct(">I4s"), Struct("<4sI")


class Content(Protocol):
    """A file's bytes by place, as `bytes` and `memoryview` give them."""

    def __getitem__(self, part: slice, /) -> bytes | memoryview:
        """The bytes of a slice, fewer where the file ends."""


class Ending(NamedTuple):
    """How a file ends.

    Attributes:
        fault: what is missing, in words; empty when nothing is known to be.
        surplus: bytes after the end of the medium.
    """

    fault: str = ""
    surplus: int = 0


WHOLE = Ending()
_ENDLESS = Ending(f"it has more than {_MOST} pieces")


def ending(file: Content, size: int) -> Ending:
    """How a file of `size` bytes ends."""
    head = bytes(file[:12])
    for place, magic, check in _CHECKS:
        if head.startswith(magic, place):
            return check(file, size)
    return WHOLE


def _overrun(what: str, end: int, size: int) -> Ending:
    return Ending(f"{what} ends {end - size} bytes after the file does") if end > size else WHOLE


def _jpeg(file: Content, size: int) -> Ending:
    """Up to the end-of-image marker (ITU-T T.81, annex B)."""
    if file[size - 2 : size] == b"\xff\xd9":
        return WHOLE
    # A thumbnail in the header has an end of its own: look behind the start of the scan.
    place = 2
    for _ in range(_MOST):
        marker = bytes(file[place : place + 4])
        if marker[:1] != b"\xff" or len(marker) < 4 or marker[1] == 0xDA:
            break
        alone = marker[1] in (0x01, 0xFF) or 0xD0 <= marker[1] <= 0xD8
        place += (1 if marker[1] == 0xFF else 2) if alone else 2 + int.from_bytes(marker[2:4], "big")
    else:
        return _ENDLESS
    while block := bytes(file[place : place + _BLOCK]):
        found = block.find(b"\xff\xd9")
        if found >= 0:
            end = place + found + 2
            # Cameras pad with zeros.
            return Ending(surplus=size - end if bytes(file[end : end + _BLOCK]).strip(b"\0") else 0)
        place += max(len(block) - 1, 1)  # the marker may lie across two blocks
    return Ending("it has no end-of-image marker")


def _png(file: Content, size: int) -> Ending:
    """Every chunk with its checksum, up to IEND (PNG specification, section 5)."""
    from isal import isal_zlib

    place = 8
    for _ in range(_MOST):
        head = file[place : place + 8]
        if len(head) < 8:
            break
        count, name = _PNG_CHUNK.unpack(head)
        end = place + 8 + count
        if end + 4 > size:
            break
        crc = 0
        for start in range(place + 4, end, _BLOCK):
            crc = isal_zlib.crc32(file[start : min(start + _BLOCK, end)], crc)
        if crc != int.from_bytes(file[end : end + 4], "big"):
            shown = repr(name)[2:-1]  # damage may have made control characters of it
            return Ending(f"the checksum of its {shown} chunk at byte {place} is wrong")
        place = end + 4
        if name == b"IEND":
            return Ending(surplus=size - place)
    else:
        return _ENDLESS
    return Ending("it has no IEND chunk")


def _gif(file: Content, size: int) -> Ending:
    # The last block's terminator and the trailer; some writers pad.
    return Ending("" if b"\0;" in bytes(file[max(0, size - 64) : size]) else "it has no trailer")


def _riff(file: Content, size: int) -> Ending:
    """WAVE by its data chunk, which readers look for; AVI and WebP by the size of the whole."""
    if file[8:12] != b"WAVE":
        return _overrun("its RIFF data", 8 + int.from_bytes(file[4:8], "little"), size)
    place = 12
    while len(head := file[place : place + 8]) == 8:
        name, count = _RIFF_CHUNK.unpack(head)
        if name == b"data":
            return _overrun("its sound", place + 8 + count, size) if not left_open(count) else WHOLE
        place += 8 + count + count % 2
    return Ending("it has no data chunk")


def _boxes(file: Content, size: int) -> Ending:
    """ISO base media: boxes from the first byte to the last (ISO/IEC 14496-12, section 4.2)."""
    place, end, name = 0, 0, b""
    for _ in range(_MOST):
        head = file[place : place + 16]
        if len(head) < 8:
            break
        count, kind = int.from_bytes(head[:4], "big"), bytes(head[4:8])
        if count == 0 and kind.isalnum():  # up to the end of the file
            return WHOLE
        if count == 1:
            count = int.from_bytes(head[8:], "big")
        if count < 8 or not kind.strip(b" ").isalnum():
            return Ending(surplus=size - place)
        place, end, name = place + count, place + count, kind
    else:
        return _ENDLESS
    return _overrun(f"its {name.decode()} box", end, size)


def _ogg(file: Content, size: int) -> Ending:
    """The last page (RFC 3533, section 6)."""
    start = max(0, size - _TAIL)
    page = bytes(file[start:size])
    found = page.rfind(b"OggS")
    if found < 0:
        return Ending(f"it has no Ogg page in its last {_TAIL >> 10} KiB")
    sizes = page[found + 27 : found + 27 + page[found + 26]] if found + 26 < len(page) else b""
    return _overrun("its last page", start + found + 27 + max(len(sizes), 1) + sum(sizes), size)


def _flac(file: Content, size: int) -> Ending:
    """The last frame's number against the stream's length (RFC 9639, sections 8.2 and 9.1)."""
    stream = file[8:26]
    longest, samples = int.from_bytes(stream[2:4], "big"), int.from_bytes(stream[13:18], "big") & (1 << 36) - 1
    largest = int.from_bytes(file[15:18], "big")
    # Its last frame begins in these bytes; an encoder that is stopped does not tell how large frames are.
    tail = bytes(file[max(0, size - (largest + _TAG if largest else _TAIL)) : size])
    # A stream keeps to one way of numbering: by frames of one size, or by samples.
    for start, by_sample in ((b"\xff\xf8", False), (b"\xff\xf9", True)):
        place = len(tail)
        while samples and (place := tail.rfind(start, 0, place)) >= 0:
            number = _frame_number(tail[place : place + _FRAME_HEADER])
            if number is not None:
                last = number + longest if by_sample else (number + 1) * longest
                return Ending(f"it ends at sample {last} of {samples}" if last < samples else "")
    return WHOLE


def _frame_number(header: bytes) -> int | None:
    """The number in a frame's header; None when its checksum says that it is none."""
    if len(header) < 6:
        return None
    number, used = _coded_number(header[4:])
    used += 4 + {6: 1, 7: 2}.get(header[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(header[2] & 15, 0)
    return number if used < len(header) and _crc8(header[:used]) == header[used] else None


def _coded_number(content: bytes) -> tuple[int, int]:
    """A number in FLAC's long form of UTF-8, and how many bytes it takes."""
    ones = 8 - (content[0] ^ 0xFF).bit_length()
    number = content[0] & (0xFF >> (ones + 1))
    for byte in content[1 : max(ones, 1)]:
        number = number << 6 | byte & 0x3F
    return number, max(ones, 1)


def _crc8(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc = _CRC8[crc ^ byte]
    return crc


def _divided(byte: int) -> int:
    """The remainder of a byte by x^8 + x^2 + x + 1."""
    for _ in range(8):
        byte = (byte << 1 ^ 0x07 if byte & 0x80 else byte << 1) & 0xFF
    return byte


_CRC8 = bytes(map(_divided, range(256)))


def _ebml(file: Content, size: int) -> Ending:
    """Matroska and WebM by the size of the segment (RFC 8794, RFC 9559)."""
    place = 4
    count, used = _ebml_size(file[place : place + 8])
    place += used + count
    if file[place : place + 4] != b"\x18\x53\x80\x67":
        return WHOLE
    count, used = _ebml_size(file[place + 4 : place + 12])
    if count == (1 << 7 * used) - 1:  # not known
        return WHOLE
    end = place + 4 + used + count
    return Ending(surplus=size - end) if end < size else _overrun("its segment", end, size)


def _ebml_size(content: bytes | memoryview) -> tuple[int, int]:
    """An EBML size, and how many bytes it takes."""
    used = 9 - content[0].bit_length() if content and content[0] else 8
    return int.from_bytes(content[:used], "big") & (1 << 7 * used) - 1, used


_CHECKS: tuple[tuple[int, bytes, Callable[[Content, int], Ending]], ...] = (
    (0, b"\xff\xd8", _jpeg),
    (0, b"\x89PNG", _png),
    (0, b"RIFF", _riff),
    (4, b"ftyp", _boxes),
    (4, b"moov", _boxes),
    (0, b"fLaC", _flac),
    (0, b"OggS", _ogg),
    (0, b"GIF8", _gif),
    (0, b"\x1aE\xdf\xa3", _ebml),
)
