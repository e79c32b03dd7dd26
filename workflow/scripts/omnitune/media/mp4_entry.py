"""How the samples of an MP4 track are coded: codec, size, sampling rate, and what readers tend to ignore.

Sources: ISO/IEC 14496-12 (`stsd`), 14496-1 (`esds`), 14496-3 (AAC), 14496-15 (`avcC`, `hvcC`), the AV1 and VP9
bindings to it.
"""

import re
from collections.abc import Callable
from struct import Struct

import msgspec

from omnitune.validation.codes import RowError

# FFmpeg's names.
_VIDEO = {
    b"avc1": "h264", b"avc3": "h264", b"hvc1": "hevc", b"hev1": "hevc", b"av01": "av1", b"vp08": "vp8",
    b"vp09": "vp9", b"jpeg": "mjpeg", b"apcn": "prores", b"apch": "prores", b"apcs": "prores", b"apco": "prores",
}  # fmt: skip
_AUDIO = {b"Opus": "opus", b"fLaC": "flac", b"alac": "alac", b"ac-3": "ac3", b"ec-3": "eac3", b".mp3": "mp3"}
_OBJECT_TYPES = {b"\x20": "mpeg4", b"\x40": "aac", b"\x67": "aac", b"\x69": "mp3", b"\x6b": "mp3"}
_ENCRYPTED = frozenset((b"encv", b"enca", b"drms", b"drmi"))
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
# Profiles of H.264 that may have more than 8 bits, transfer functions of HDR.
_DEEP_PROFILES = (44, 110, 122, 244)
_HDR = (16, 18)
_DEEP = "more than 8 bits a colour"


def _is_deep(box: bytes) -> bool:
    """Whether the first parameter set of H.264's `avcC` has more than 8 bits a colour (ITU-T H.264, 7.3.2.1.1)."""
    if box[1] not in _DEEP_PROFILES or not box[5] & 31:
        return False
    bits, at, values = f"{int.from_bytes(box[12:20]):064b}", 0, list[int]()
    # Number of the set, form of the colours, bits of brightness and of colour beyond 8, in Exp-Golomb code.
    while len(values) < 4:
        zeros = bits.index("1", at) - at
        values.append(int(bits[at + zeros : at + 2 * zeros + 1], 2) - 1)
        at += 2 * zeros + 1 + (len(values) == 2 and values[1] == 3)
    return any(values[2:])


# What a box says that readers tend to ignore; empty when it is as usual.
_REMARKS: dict[bytes, Callable[[bytes], str]] = {
    b"avcC": lambda box: _DEEP if _is_deep(box) else "",
    b"hvcC": lambda box: _DEEP if box[17] & 7 else "",
    b"vpcC": lambda box: _DEEP if box[6] >> 4 > 8 else "",
    b"av1C": lambda box: _DEEP if box[2] & 0x40 else "",
    b"pasp": lambda box: "pixels that are not square" if box[:4] != box[4:8] else "",
    b"colr": lambda box: "HDR" if box[:4] == b"nclx" and int.from_bytes(box[6:8], "big") in _HDR else "",
    b"fiel": lambda box: "interlaced pictures" if box[0] == 2 else "",
}
# Descriptors of a stream (3), its codec (4) and, for AAC, its settings (5). Sizes have seven bits a byte.
_ESDS = re.compile(
    rb"\x03[\x80-\xff]*[\0-\x7f] .. [\0-\x1f]"
    rb"\x04[\x80-\xff]*[\0-\x7f] (.) .{12}"
    rb"(?: \x05[\x80-\xff]*[\0-\x7f] (.{5}) )?",
    re.DOTALL | re.VERBOSE,
)
# AAC up to this rate may give out twice of it, by spectral band replication (SBR) that only its packets show. Its
# settings rule that out where they end with the mark of an extension, its kind and a bit that says: not there.
_MAX_CORE = 24_000
_NO_SBR = 0x2B7 << 6 | 5 << 1
_BOX = Struct(">I4s")
_SIZE = Struct(">HH")
# From the number of entries on; from the first entry on.
_PICTURES = Struct(">II4s24xHH")
_SOUND = Struct(">I4s8xH6xH6xH")


class SampleEntry(msgspec.Struct, frozen=True, gc=False):
    """The form of a track's samples.

    Attributes:
        codec: FFmpeg's name.
        width, height: pixels.
        rate: Hz.
        channels: of the sound.
        unusual: what readers tend to ignore, in words: HDR, interlaced.
        sizes: different picture sizes among the track's forms.
        open_rate: whether the decoder may give out more samples than the header says.
    """

    codec: str
    width: int = 0
    height: int = 0
    rate: int = 0
    channels: int = 0
    unusual: tuple[str, ...] = ()
    sizes: int = 1
    open_rate: bool = False


def read_pictures(index: bytes, at: int, path: str) -> SampleEntry:
    """The first entry of the `stsd` box of a video at `at`.

    Raises:
        ValueError: it is not understood.
        RowError: E098, it is encrypted.
    """
    count, length, kind, width, height = _PICTURES.unpack_from(index, at + 12)
    codec = _VIDEO.get(kind, "")
    unusual: tuple[str, ...] = (_DEEP,) if codec == "prores" else ()
    box, end = at + 102, at + 16 + length
    while box + 8 <= end:
        size, name = _BOX.unpack_from(index, box)
        if name in _REMARKS:
            remark = _REMARKS[name](index[box + 8 : box + size])
            if remark:
                unusual += (remark,)
        elif name == b"esds" and kind == b"mp4v":
            codec = _read_descriptors(index, box + 8)[0]
        box += max(size, 8)
    if not codec:
        raise _unknown(kind, path)
    sizes = 1 if count == 1 else _count_sizes(index, at + 16, count)
    return SampleEntry(codec, width, height, 0, 0, unusual, sizes)


def read_sound(index: bytes, at: int, path: str) -> SampleEntry:
    """The first entry of the `stsd` box of an audio track at `at`; it raises as `read_pictures` does."""
    length, kind, version, channels, rate = _SOUND.unpack_from(index, at + 16)
    codec, open_rate = _AUDIO.get(kind, ""), False
    # QuickTime's first form has four more numbers, and wraps the description in a box of its own.
    box, end = at + (68 if version else 52), at + 16 + length
    while not codec and box + 8 <= end and kind == b"mp4a":
        size, name = _BOX.unpack_from(index, box)
        if name == b"esds":
            codec, true_rate, true_channels, open_rate = _read_descriptors(index, box + 8)
            rate, channels = true_rate or rate, true_channels or channels
        box += 8 if name == b"wave" else max(size, 8)
    if not codec or not rate or version > 1:
        raise _unknown(kind, path)
    return SampleEntry(codec, 0, 0, rate, channels, open_rate=open_rate)


def _unknown(kind: bytes, path: str) -> Exception:
    if kind in _ENCRYPTED:
        return RowError("E098", f"{path} is encrypted")
    return ValueError("a codec that is not known here")


def _count_sizes(index: bytes, at: int, count: int) -> int:
    sizes = set()
    for _ in range(min(count, 1000)):
        sizes.add(_SIZE.unpack_from(index, at + 32))
        at += _BOX.unpack_from(index, at)[0]
    return len(sizes)


def _read_descriptors(index: bytes, at: int) -> tuple[str, int, int, bool]:
    """(codec, rate, channels, open rate) of an `esds` box with its content at `at`; zeros for all but AAC."""
    found = _ESDS.match(index, at + 4)
    if not found:
        raise ValueError("a description that is not known here")
    kind, config = found.groups()
    codec = _OBJECT_TYPES.get(kind, "")
    return (
        (codec, *_read_aac(int.from_bytes(config, "big"))) if codec == "aac" and config else (codec, 0, 0, False)
    )


def _read_aac(bits: int) -> tuple[int, int, bool]:
    """(rate, channels, whether the rate is open) of an AudioSpecificConfig, given as its first 40 bits."""
    object_type, rate, channels = bits >> 35, bits >> 31 & 15, bits >> 27 & 15
    if object_type in (5, 29):
        # Spectral band replication gives out another rate than the core's; parametric stereo makes two of one.
        rate, channels = bits >> 23 & 15, 2 if object_type == 29 else channels
    if object_type == 31 or rate >= len(_AAC_RATES) or not 1 <= channels <= 7:
        raise ValueError("an AAC form that is not known here")
    hertz = _AAC_RATES[rate]
    open_rate = hertz <= _MAX_CORE and bits >> 7 & 0x1FFFF != _NO_SBR
    return hertz, 8 if channels == 7 else channels, open_rate
