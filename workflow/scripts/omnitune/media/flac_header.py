"""FLAC headers (RFC 9639, section 8)."""

from omnitune.media.facts import Opened
from omnitune.media.sound import Sound

# libsndfile's names, by bits a sample.
_CODECS = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24"}
_STREAMINFO = b"fLaC\0\0\0\x22"
_LONE_STREAMINFO = b"fLaC\x80\0\0\x22"
_MAX_BLOCKS = 32
# A first frame begins so: the size of its block is fixed or not.
_FRAMES = (b"\xff\xf8", b"\xff\xf9")


def read_flac(file: Opened) -> Sound | None:
    """The header of a FLAC; None when it is no FLAC, or one that a library must look at.

    It is left to the library unless the length is written down and a frame follows where the metadata end.
    """
    head = file.head
    if not head.startswith((_STREAMINFO, _LONE_STREAMINFO)) or len(head) < 42:
        return None
    facts = int.from_bytes(head[18:26], "big")
    rate, channels, bits = facts >> 44, (facts >> 41 & 7) + 1, (facts >> 36 & 31) + 1
    frames = facts & (1 << 36) - 1
    if not (rate and frames and bits in _CODECS):
        return None
    last, at = head[4] & 0x80, 42
    for _ in range(_MAX_BLOCKS):
        block = file.read(at, 4)
        if last:
            return Sound("FLAC", _CODECS[bits], rate, channels, frames, frames) if block[:2] in _FRAMES else None
        if len(block) < 4 or block[0] & 0x7F == 0x7F:
            return None
        last, at = block[0] & 0x80, at + 4 + int.from_bytes(block[1:4], "big")
    return None
