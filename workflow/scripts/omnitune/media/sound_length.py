"""How many samples a decoder makes of compressed sound, told without decoding it."""

import os

from omnitune.media.facts import Opened

# kbit/s by the four bits of a frame's header: of MPEG 1, and of MPEG 2 and 2.5 (ISO/IEC 11172-3 and 13818-3).
_BIT_RATES = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
# Bytes of MP3 that are looked through for frames: a quarter of an hour at 128 kbit/s.
_WALKED = 16 << 20


def decoded_samples(codec: str, packets: int, each: int, timed: int, skipped: int, shown: int) -> int:
    """Samples that FFmpeg decodes from an audio track of an MP4 or MOV file; 0 when decoding alone tells.

    Args:
        codec: FFmpeg's name.
        packets: in the track's stsz.
        each: duration of the first, in samples.
        timed: duration of all, in samples.
        skipped, shown: samples that the one edit in its elst leaves out before it, and plays.
    """
    if codec == "aac" and each == 1024:
        return aac_samples(packets, skipped, shown)
    return timed if codec in ("alac", "flac") and not skipped and shown >= timed else 0


def aac_samples(packets: int, skipped: int, shown: int, frame: int = 1024) -> int:
    """Samples that FFmpeg decodes from an AAC track of an MP4 or MOV file.

    Args:
        packets: number of samples in the track's stsz, each a coded frame.
        skipped: media time of the one edit in its elst, in units of the rate: the encoder's delay.
        shown: duration of that edit, in units of the rate, rounded up.
        frame: samples a packet; 1024, or 960.

    The end is not trimmed: whole frames come out until the edit is covered (libavformat's mov.c, mov_fix_index).
    """
    covered = min(packets, -(-(skipped + shown) // frame))
    return covered * frame - skipped


def mp3_is_counted(frame: bytes, size: int) -> bool:
    """Whether the length that libsndfile gives of an MP3 is a count and no estimate.

    Without the encoder's Xing or Info frame libsndfile guesses the length from the bit rate, and in a file that
    was cut it believes a frame that promises more than there is.

    Args:
        frame: the first 160 bytes of sound or more, after an ID3 tag.
        size: bytes of the file from there on.
    """
    at = max(frame.find(b"Xing", 0, 48), frame.find(b"Info", 0, 48))
    # Flags: 1 says that the number of frames follows, 2 the number of bytes.
    if at < 0 or len(frame) < at + 16 or frame[at + 7] & 3 != 3:
        return False
    return int.from_bytes(frame[at + 12 : at + 16], "big") <= size


def mp3_samples(file: Opened, estimate: int) -> int:
    """Samples that libsndfile gives of an MP3; 0 when only decoding tells.

    Without an index it estimates the length, reads no further, and ends earlier where the file does.

    Args:
        file: an MP3.
        estimate: the length that libsndfile gives.
    """
    start = 0
    if file.head.startswith(b"ID3"):
        size = file.head[6:10]
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=False))
    if mp3_is_counted(file.read(start, 200), file.size - start):
        return estimate
    if file.size - start > _WALKED:
        return 0
    return min(estimate, _count_frames(os.pread(file.fd, _WALKED, start)))


def _count_frames(content: bytes) -> int:
    """Samples of the frames that follow each other up to the end, or to a tag; 0 when something else is there."""
    at, frames, samples, end = 0, 0, 0, len(content)
    version = -1
    while at + 4 <= end and content[at] == 0xFF:
        second, third = content[at + 1], content[at + 2]
        if frames and second >> 3 & 3 != version:
            return 0
        version, layer = second >> 3 & 3, second >> 1 & 3
        bits, rate = third >> 4, third >> 2 & 3
        if second < 0xE0 or version == 1 or layer != 1 or bits in (0, 15) or rate == 3:
            return 0
        samples = 1152 if version == 3 else 576
        kilobits = _BIT_RATES[3 if version == 3 else 2][bits]
        length = samples // 8 * 1000 * kilobits // _RATES[version][rate] + (third >> 1 & 1)
        if at + length > end:
            break
        at, frames = at + length, frames + 1
    whole = at == end or content.startswith((b"TAG", b"APETAGEX"), at)
    return frames * samples if whole else 0
