"""How many samples a decoder makes of compressed sound, told without decoding it."""

import os

from omnitune.media.facts import Opened
from omnitune.media.mp3_header import frame_of, start_of_frames

# Bytes of MP3 that are looked through for frames: a quarter of an hour at 128 kbit/s.
_WALKED = 16 << 20
# Bytes of a tag at the end (ID3v1).
_TAG = 128


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


def noted_end(file: Opened) -> int:
    """Where an MP3 ends by its Xing or Info frame; 0 when there is none, or it does not say."""
    start = start_of_frames(file.head)
    frame = file.read(start, 200)
    at = max(frame.find(b"Xing", 0, 48), frame.find(b"Info", 0, 48))
    if at < 0 or len(frame) < at + 16 or not frame[at + 7] & 2:
        return 0
    at += 12 if frame[at + 7] & 1 else 8
    return start + int.from_bytes(frame[at : at + 4], "big")


def goes_on(file: Opened, end: int) -> bool:
    """Whether more sound follows where an MP3 ends by its own words: readers leave it out."""
    more = file.read(end, 3) if file.size - end > _TAG else b""
    return more == b"ID3" or frame_of(more) is not None


def mp3_samples(file: Opened, estimate: int) -> int:
    """Samples that libsndfile gives of an MP3; 0 when only decoding tells.

    Without an index it estimates the length, reads no further, and ends earlier where the file does.

    Args:
        file: an MP3.
        estimate: the length that libsndfile gives.
    """
    start = start_of_frames(file.head)
    if mp3_is_counted(file.read(start, 200), file.size - start):
        return estimate
    if file.size - start > _WALKED:
        return 0
    return min(estimate, _count_frames(os.pread(file.fd, _WALKED, start)))


def _count_frames(content: bytes) -> int:
    """Samples of the frames that follow each other up to the end, or to a tag; 0 when something else is there."""
    at, frames, end = 0, 0, len(content)
    first = frame = frame_of(content[:3])
    while frame and first and at + frame.length <= end:
        if frame.version != first.version:
            return 0
        at, frames = at + frame.length, frames + 1
        frame = frame_of(content[at : at + 3])
    whole = at == end or content.startswith((b"TAG", b"APETAGEX"), at)
    return frames * first.samples if first and whole else 0
