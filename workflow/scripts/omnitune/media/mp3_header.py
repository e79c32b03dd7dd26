"""MP3 headers with the frame that encoders put in front, which tells the length (Xing, Info).

Sources: ISO/IEC 11172-3 and 13818-3 (frames); the LAME tag's own description (delay and padding).
"""

from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from omnitune.media.facts import Opened
from omnitune.media.sound import Sound

# kbit/s by the four bits of a frame's header: of MPEG 1, and of MPEG 2 and 2.5.
_BIT_RATES = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_MONO = 3
# Name, flags (15: all is there), frames, bytes; behind them an index and, from here on, the LAME tag.
_INFO, _LAME = Struct(">4s3xBII"), 120
# Bytes of a frame in which all this has its place.
_NOTED = 4 + 32 + _LAME + 24
# Samples that libmpg123 is late; where the encoder padded with fewer, it counts in another way.
_OWN_DELAY = 529
# Frames that libmpg123 wants to see of the same kind.
_COMPARED = 2


class Frame(NamedTuple):
    """What the first bytes of a frame say.

    Attributes:
        version: 3 for MPEG 1, 2 for MPEG 2, 0 for MPEG 2.5, as it is coded.
        rate: Hz.
        samples: of each channel.
        length: bytes.
    """

    version: int
    rate: int
    samples: int
    length: int


@lru_cache(4096)
def frame_of(head: bytes) -> Frame | None:
    """The frame of layer III that begins with these three bytes; None when none does, or one without a length."""
    if len(head) < 3 or head[0] != 0xFF:
        return None
    second, third = head[1], head[2]
    version, layer = second >> 3 & 3, second >> 1 & 3
    bits, rate = third >> 4, third >> 2 & 3
    if second < 0xE0 or version == 1 or layer != 1 or bits in (0, 15) or rate == 3:
        return None
    samples = 1152 if version == 3 else 576
    hertz = _RATES[version][rate]
    length = samples // 8 * 1000 * _BIT_RATES[3 if version == 3 else 2][bits] // hertz + (third >> 1 & 1)
    return Frame(version, hertz, samples, length)


def start_of_frames(head: bytes) -> int:
    """Where the sound begins: behind an ID3 tag."""
    if not head.startswith(b"ID3"):
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))


def read_mp3(file: Opened) -> Sound | None:
    """The header of an MP3; None when it is none, or one that a library must look at.

    It is left to the library unless the encoder tells frames, bytes, delay and padding, all bytes are there, and
    frames of the same kind follow.
    """
    start = start_of_frames(file.head)
    first = file.head[:_NOTED] if not start else file.read(start, _NOTED)
    frame = frame_of(first[:3])
    # A tag with a footer, or sound with checksums.
    if frame is None or len(first) < _NOTED or (start and file.head[5] & 0x10) or not first[1] & 1:
        return None
    mono = first[3] >> 6 == _MONO
    at = 4 + ((17 if mono else 32) if frame.version == 3 else (9 if mono else 17))
    name, flags, frames, size = _INFO.unpack_from(first, at)
    if name not in (b"Xing", b"Info") or flags & 15 != 15 or not first[at + _LAME] or first[4:at].strip(b"\0"):
        return None
    cut = int.from_bytes(first[at + _LAME + 21 : at + _LAME + 24], "big")
    delay, padding = cut >> 12, cut & 0xFFF
    samples = frames * frame.samples - delay - padding
    if padding < _OWN_DELAY or samples <= 0 or start + size > file.size:
        return None
    at = start + frame.length
    for _ in range(_COMPARED):
        head = file.read(at, 4)
        other = frame_of(head[:3])
        if other is None or other[:3] != frame[:3] or len(head) < 4 or (head[3] >> 6 == _MONO) != mono:
            return None
        at += other.length
        if at >= start + size:
            break
    return Sound("MP3", "MPEG_LAYER_III", frame.rate, 1 if mono else 2, samples, samples)
