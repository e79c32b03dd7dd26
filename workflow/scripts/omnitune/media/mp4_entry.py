"""How the samples of an MP4 track are coded: codec, size, sampling rate, and what readers tend to ignore.

Sources: ISO/IEC 14496-12 (`stsd`), 14496-1 (`esds`), 14496-3 (AAC), 14496-15 (`avcC`, `hvcC`), the AV1 and VP9
bindings to it.
"""

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
_OBJECT_TYPES = {0x20: "mpeg4", 0x40: "aac", 0x67: "aac", 0x69: "mp3", 0x6B: "mp3"}
_ENCRYPTED = (b"encv", b"enca", b"drms", b"drmi")
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
# Profiles of H.264 with more than 8 bits, transfer functions of HDR.
_DEEP_PROFILES = (110, 122, 244)
_HDR = (16, 18)
_DEEP = "more than 8 bits a colour"
# What a box says that readers tend to ignore; empty when it is as usual.
_REMARKS: dict[bytes, Callable[[bytes], str]] = {
    b"avcC": lambda box: _DEEP if box[1] in _DEEP_PROFILES else "",
    b"hvcC": lambda box: _DEEP if box[17] & 7 else "",
    b"vpcC": lambda box: _DEEP if box[6] >> 4 > 8 else "",
    b"av1C": lambda box: _DEEP if box[2] & 0x40 else "",
    b"pasp": lambda box: "pixels that are not square" if box[:4] != box[4:8] else "",
    b"colr": lambda box: "HDR" if box[:4] == b"nclx" and int.from_bytes(box[6:8], "big") in _HDR else "",
    b"fiel": lambda box: "interlaced pictures" if box[0] == 2 else "",
}
_BOX = Struct(">I4s")
_ENTRIES = Struct(">II4s")
_SIZE = Struct(">HH")
_SOUND = Struct(">H6xH6xH")


class SampleEntry(msgspec.Struct, frozen=True, gc=False):
    """The form of a track's samples.

    Attributes:
        codec: FFmpeg's name.
        width, height: pixels.
        rate: Hz.
        channels: of the sound.
        unusual: what readers tend to ignore, in words: HDR, interlaced.
        sizes: different picture sizes among the track's forms.
    """

    codec: str
    width: int = 0
    height: int = 0
    rate: int = 0
    channels: int = 0
    unusual: tuple[str, ...] = ()
    sizes: int = 1


def read_entry(index: bytes, at: int, pictures: bool, path: str) -> SampleEntry:
    """The first entry of the `stsd` box whose body begins at `at`; a ValueError when it is not understood."""
    count, length, kind = _ENTRIES.unpack_from(index, at + 4)
    if kind in _ENCRYPTED:
        raise RowError("E098", f"{path} is encrypted")
    if not count or length < 16:
        raise ValueError("no sample entry")
    if not pictures:
        return _read_sound(index, at + 8, length, kind)
    entry = _read_pictures(index, at + 8, length, kind)
    return entry if count == 1 else msgspec.structs.replace(entry, sizes=_count_sizes(index, at + 8, count))


def _count_sizes(index: bytes, at: int, count: int) -> int:
    sizes = set()
    for _ in range(min(count, 1000)):
        sizes.add(_SIZE.unpack_from(index, at + 32))
        at += _BOX.unpack_from(index, at)[0]
    return len(sizes)


def _read_pictures(index: bytes, entry: int, length: int, kind: bytes) -> SampleEntry:
    codec = _VIDEO.get(kind, "")
    width, height = _SIZE.unpack_from(index, entry + 32)
    unusual: tuple[str, ...] = ()
    at, end = entry + 86, entry + length
    while at + 8 <= end:
        size, box = _BOX.unpack_from(index, at)
        if box in _REMARKS:
            remark = _REMARKS[box](index[at + 8 : at + size])
            if remark:
                unusual += (remark,)
        elif box == b"esds":
            codec = _read_descriptors(index, at + 8, at + size)[0]
        at += max(size, 8)
    if not codec:
        raise ValueError("a codec that is not known here")
    return SampleEntry(codec, width, height, 0, 0, unusual)


def _read_sound(index: bytes, entry: int, length: int, kind: bytes) -> SampleEntry:
    version, channels, rate = _SOUND.unpack_from(index, entry + 16)
    if version > 1:
        raise ValueError("a QuickTime entry of the second form")
    codec = _AUDIO.get(kind, "")
    # QuickTime's first form has four more numbers, and wraps the description in a box of its own.
    at, end = entry + (52 if version else 36), entry + length
    while not codec and at + 8 <= end:
        size, box = _BOX.unpack_from(index, at)
        if box == b"esds":
            codec, true_rate, true_channels = _read_descriptors(index, at + 8, at + size)
            rate, channels = true_rate or rate, true_channels or channels
        at += 8 if box == b"wave" else max(size, 8)
    if not codec or not rate:
        raise ValueError("a codec that is not known here")
    return SampleEntry(codec, 0, 0, rate, channels)


def _read_descriptors(index: bytes, at: int, end: int) -> tuple[str, int, int]:
    """(codec, rate, channels) of an `esds` box; the last two are 0 when it is not AAC."""
    at += 4
    codec = ""
    while at < end:
        tag, size = index[at], 0
        at += 1
        # Seven bits a byte, the highest says that another follows.
        while index[at] & 0x80:
            size = size << 7 | index[at] & 0x7F
            at += 1
        size = size << 7 | index[at]
        at += 1
        if tag == 3:
            if index[at + 2] & 0xE0:
                raise ValueError("a stream that depends on others")
            at += 3
        elif tag == 4:
            codec = _OBJECT_TYPES.get(index[at], "")
            at += 13
        elif tag == 5 and codec == "aac":
            return codec, *_read_aac(int.from_bytes(index[at : at + 8], "big"))
        else:
            at += size
    return codec, 0, 0


def _read_aac(bits: int) -> tuple[int, int]:
    """(rate, channels) of an AudioSpecificConfig, given as its first 64 bits."""
    object_type, rate, channels = bits >> 59, bits >> 55 & 15, bits >> 51 & 15
    if object_type in (5, 29):
        # Spectral band replication: the rate that comes out follows the core's; parametric stereo makes two of one.
        rate, channels = bits >> 47 & 15, 2 if object_type == 29 else channels
    if object_type == 31 or rate >= len(_AAC_RATES) or not 1 <= channels <= 7:
        raise ValueError("an AAC form that is not known here")
    return _AAC_RATES[rate], 8 if channels == 7 else channels
