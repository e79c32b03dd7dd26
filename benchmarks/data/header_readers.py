"""The readers of headers that bench_headers.py compares: a bare loop, a library's own open, and ours.

All three of a kind give the same facts.
"""

import os
import struct
from collections.abc import Callable
from typing import Any

import media_set  # noqa: F401 (it says where omnitune is)

from omnitune.media.probe import probe

Facts = tuple[Any, ...]
MODES = {1: "L", 3: "RGB", 4: "CMYK"}
CODECS = {b"avc1": "h264", b"hvc1": "hevc", b"mp4v": "mpeg4"}


# The bare loops: what a person would write to get these facts and nothing else.


def bare_wav(path: str) -> Facts:
    """(rate, channels, frames) by a walk over the chunks."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        head = file.read(4096)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise ValueError(path)
    at = 12
    while True:
        name, length = struct.unpack_from("<4sI", head, at)
        if name == b"fmt ":
            _, channels, rate, _, block, _ = struct.unpack_from("<HHIIHH", head, at + 8)
        elif name == b"data":
            return rate, channels, length // block
        at += 8 + length + length % 2


def bare_jpg(path: str) -> Facts:
    """(width, height, mode, EXIF's orientation) by a walk over the segments."""
    turned = 1
    with open(path, "rb") as file:  # noqa: PTH123
        if file.read(2) != b"\xff\xd8":
            raise ValueError(path)
        while True:
            marker, length = struct.unpack(">HH", file.read(4))
            if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
                _, height, width, colours = struct.unpack(">BHHB", file.read(6))
                return width, height, MODES[colours], turned
            if marker == 0xFFE1:
                block = file.read(length - 2)
                order = "<" if block[6:8] == b"II" else ">"
                (at,) = struct.unpack_from(order + "I", block, 10)
                (count,) = struct.unpack_from(order + "H", block, 6 + at)
                for entry in range(8 + at, 8 + at + 12 * count, 12):
                    tag, value = struct.unpack_from(order + "H6xH", block, entry)
                    turned = value if tag == 0x0112 else turned
            else:
                file.seek(length - 2, 1)


def bare_mp4(path: str) -> Facts:
    """What `ours_mp4` gives, by a walk over the index."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        size = os.fstat(file.fileno()).st_size
        at = 0
        while at < size:
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind == b"moov":
                tracks: dict[bytes, dict[str, Any]] = {}
                walk(file.read(length - 8), 0, length - 8, {}, tracks)
                video, sound = tracks[b"vide"], tracks[b"soun"]
                codec, width, height = struct.unpack_from(">4s24xHH", video["entry"], 4)
                rate = struct.unpack_from(">H", sound["entry"], 32)[0]
                frames, seconds = video["samples"], played(video)
                found = CODECS[codec], width, height, frames, frames / seconds, video["constant"], seconds
                return *found, video["rotated"], played(sound), rate
            at += length
    raise ValueError(path)


def played(track: dict[str, Any]) -> float:
    """Seconds of a track, by its edit list when that leaves something out."""
    seconds: float = track["seconds"]
    return min(seconds, track["edit"]) if seconds - track["edit"] > 0.001 else seconds


def walk(data: bytes, at: int, end: int, track: dict[str, Any], tracks: dict[bytes, dict[str, Any]]) -> None:
    """Fill in the tracks from the boxes of `data` between `at` and `end`."""
    while at < end:
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"trak":
            walk(data, at + 8, at + length, {}, tracks)
        elif kind in (b"edts", b"mdia", b"minf", b"stbl"):
            walk(data, at + 8, at + length, track, tracks)
        elif kind == b"tkhd":
            track["rotated"] = struct.unpack_from(">ii", data, at + 48) != (0x10000, 0)
        elif kind == b"elst":
            track["edit"] = struct.unpack_from(">I", data, at + 16)[0] / 1000
        elif kind == b"mdhd":
            scale, ticks = struct.unpack_from(">II", data, at + 20)
            track["seconds"] = ticks / scale
        elif kind == b"hdlr":
            tracks[data[at + 16 : at + 20]] = track
        elif kind == b"stsd":
            track["entry"] = data[at + 16 : at + length]
        elif kind == b"stts":
            track["constant"] = struct.unpack_from(">I", data, at + 12)[0] == 1
        elif kind == b"stsz":
            (track["samples"],) = struct.unpack_from(">I", data, at + 16)
        at += length


# The libraries.


def library_wav(path: str) -> Facts:
    """By libsndfile."""
    import soundfile

    with soundfile.SoundFile(path) as sound:
        return sound.samplerate, sound.channels, sound.frames


def library_jpg(path: str) -> Facts:
    """By Pillow."""
    from PIL import Image

    with Image.open(path) as image:
        return *image.size, image.mode, image.getexif().get(0x0112, 1)


def library_mp4(path: str) -> Facts:
    """By FFmpeg; it tells a rotation only with a decoded frame."""
    import av

    with av.open(path) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        seconds, heard = (float(stream.duration * stream.time_base) for stream in (video, sound))
        size, rate = (video.width, video.height), video.average_rate
        constant = rate == video.base_rate
        found = video.codec.name, *size, video.frames, float(rate), constant, seconds
        return *found, False, heard, sound.sample_rate


# Ours, as the same facts.


def ours_wav(path: str) -> Facts:
    """By omnitune."""
    found = probe("audio", path)
    return found.sample_rate, found.channels, found.frames


def ours_jpg(path: str) -> Facts:
    """By omnitune."""
    found = probe("image", path)
    return found.width, found.height, found.mode, found.orientation


def ours_mp4(path: str) -> Facts:
    """Codec, size, frames, rate, whether it is constant, seconds, whether turned; sound's seconds, rate."""
    found = probe("video", path)
    size, sound = (found.width, found.height), (found.audio_seconds, found.audio_rate)
    # Nothing is remarked upon in these files; a variable rate would be.
    return (
        found.codec,
        *size,
        found.frames,
        found.fps,
        not found.findings,
        found.duration,
        found.rotation != 0,
        *sound,
    )


Readers = dict[str, Callable[[str], Facts]]
WAV: Readers = {"ours": ours_wav, "bare": bare_wav, "library": library_wav}
JPG: Readers = {"ours": ours_jpg, "bare": bare_jpg, "library": library_jpg}
MP4: Readers = {"ours": ours_mp4, "bare": bare_mp4, "library": library_mp4}
