"""Sound and clips in forms that ms-swift reads in ways of its own: whole, in part, or not at all."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

# Name, codec, rate, channels, FFmpeg's format and options: what ms-swift reads, of a known length.
SOUNDS: tuple[tuple[str, str, int, int, str, dict[str, str]], ...] = (
    ("a.m4a", "aac", 16_000, 1, "ipod", {}),
    ("b.m4a", "aac", 44_100, 2, "ipod", {}),
    ("c.mov", "aac", 48_000, 1, "mov", {}),
    ("no_edits.m4a", "aac", 24_000, 1, "ipod", {"use_editlist": "0"}),
    ("fragments.m4a", "aac", 44_100, 1, "mp4", {"movflags": "frag_keyframe+empty_moov"}),
    ("stream.aac", "aac", 22_050, 2, "adts", {}),
    ("no_index.mp3", "libmp3lame", 16_000, 1, "mp3", {"write_xing": "0"}),
    ("no_index_no_tag.mp3", "libmp3lame", 44_100, 2, "mp3", {"write_xing": "0", "id3v2_version": "0"}),
    ("low.mp3", "libmp3lame", 8_000, 1, "mp3", {"write_xing": "0"}),
    ("lossless.m4a", "alac", 44_100, 2, "ipod", {}),
    ("flac.mp4", "flac", 48_000, 1, "mp4", {}),
    ("tone.mp2", "mp2", 32_000, 1, "mp2", {}),
)
# What it fails on, or hears wrong: E240.
MISREAD: tuple[tuple[str, str, int, int, str, dict[str, str]], ...] = (
    ("stream.flac", "flac", 16_000, 1, "flac", {"stream": "1"}),
    ("flac.wav", "flac", 16_000, 1, "wav", {}),
    ("mp2.wav", "mp2", 16_000, 1, "wav", {}),
    ("yamaha.wav", "adpcm_yamaha", 16_000, 1, "wav", {}),
    ("g726.wav", "adpcm_g726", 8_000, 1, "wav", {}),
    ("lossless.m4a", "alac", 16_000, 1, "ipod", {}),
    ("pcm.mov", "pcm_s16le", 16_000, 1, "mov", {}),
    ("pcm.mka", "pcm_s16le", 16_000, 2, "matroska", {}),
    ("flac.mp4", "flac", 16_000, 2, "mp4", {}),
)
# Name, codec, frames, rate, FFmpeg's format and options: clips that decord reads.
CLIPS: tuple[tuple[str, str, int, Fraction, str, dict[str, str]], ...] = (
    ("a.mkv", "libx264", 37, Fraction(25), "matroska", {}),
    ("b.mkv", "libx264", 61, Fraction(30000, 1001), "matroska", {}),
    ("a.webm", "libvpx-vp9", 45, Fraction(24), "webm", {"deadline": "realtime"}),
    ("a.mp4", "libx264", 50, Fraction(25), "mp4", {"movflags": "frag_keyframe+empty_moov"}),
    (
        "b.mp4",
        "libx264",
        90,
        Fraction(24),
        "mp4",
        {"movflags": "frag_keyframe+empty_moov", "frag_duration": "9999"},
    ),
    ("a.ts", "libx264", 40, Fraction(25), "mpegts", {"bf": "0"}),
    ("a.mpg", "libx264", 40, Fraction(25), "mpeg", {}),
    ("b.mpg", "mpeg2video", 40, Fraction(25), "mpeg", {"bf": "2"}),
    ("a.flv", "libx264", 45, Fraction(15), "flv", {}),
    ("a.wmv", "wmv2", 45, Fraction(15), "asf", {}),
)
# Clips that it fails on: E242.
UNREAD: tuple[tuple[str, str, int, Fraction, str, dict[str, str]], ...] = (
    ("av1.mp4", "libsvtav1", 30, Fraction(25), "mp4", {"preset": "12"}),
    ("av1.mkv", "libsvtav1", 30, Fraction(25), "matroska", {"preset": "12"}),
    ("a.gif", "gif", 30, Fraction(25), "gif", {}),
    ("reordered.ts", "libx264", 30, Fraction(25), "mpegts", {}),
)


def write_sound(
    path: Path, codec: str, rate: int, channels: int, form: str, options: dict[str, str], samples: int = 33_333
) -> Path:
    """Noise in a codec and container; with the option `stream` its header is written once and for all."""
    import av

    options = dict(options)
    with path.open("wb") as file:
        target: Any = _Forward(file) if options.pop("stream", "") else str(path)
        with av.open(target, "w", format=form, options=options) as container:
            layout = "stereo" if channels == 2 else "mono"
            stream = container.add_stream(codec, rate=rate, layout=layout)
            noise = np.random.default_rng(samples).uniform(-0.3, 0.3, (channels, samples)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, 0
            fitted = av.AudioResampler(stream.codec_context.format, layout, rate)
            for part in (*fitted.resample(frame), *fitted.resample(None)):
                container.mux(stream.encode(part))
            container.mux(stream.encode())
    return path


def write_clip(path: Path, codec: str, frames: int, rate: Fraction, form: str, options: dict[str, str]) -> Path:
    """A clip of squares in a codec and container."""
    import av

    chance = np.random.default_rng(frames)
    with av.open(str(path), "w", format=form, options=options) as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "rgb8" if codec == "gif" else "yuv420p"
        for _ in range(frames):
            squares = np.kron(chance.integers(0, 256, (12, 20, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(squares, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_film(path: Path, codec: str, rate: int) -> Path:
    """Two seconds of pictures, and a tone of half of full scale in a codec."""
    import av

    with av.open(str(path), "w") as container:
        pictures = container.add_stream({".avi": "mpeg4", ".webm": "libvpx"}.get(path.suffix, "libx264"), rate=8)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        sound = container.add_stream(codec, rate=rate, layout="mono")
        for _ in range(16):
            black = np.zeros((64, 64, 3), np.uint8)
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(black, format="rgb24")))
        container.mux(pictures.encode())
        tone = (0.5 * np.sin(np.arange(2 * rate) / 5)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        fitted = av.AudioResampler(sound.codec_context.format, "mono", rate)
        for part in (*fitted.resample(frame), *fitted.resample(None)):
            container.mux(sound.encode(part))
        container.mux(sound.encode())
    return path


def write_replicated(path: Path, rate: int, channels: int, told: bool) -> Path:
    """AAC with replication of its spectrum (SBR), thus twice the samples; `told`: the header denies it."""
    import av

    layout = "stereo" if channels == 2 else "mono"
    noise = np.random.default_rng(rate).uniform(-0.3, 0.3, (channels, 33_333)).astype(np.float32)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        for coded in (*stream.encode(frame), *stream.encode()):
            packet = av.Packet(_with_replication(bytes(coded)))
            packet.pts, packet.dts, packet.duration = coded.pts, coded.dts, coded.duration
            packet.time_base, packet.stream = coded.time_base, stream
            container.mux(packet)
    content = path.read_bytes()
    # FFmpeg's encoder says that there is no SBR; most others say nothing.
    assert content.count(b"\x56\xe5\0") == 1
    path.write_bytes(content if told else content.replace(b"\x56\xe5\0", bytes(3)))
    return path


def _with_replication(packet: bytes) -> bytes:
    """With a fill element that holds an empty extension of SBR before the end mark (ISO/IEC 14496-3, 4.4.2)."""
    bits = f"{int.from_bytes(packet):0{8 * len(packet)}b}".rstrip("0")
    assert bits.endswith("111")
    bits = bits[:-3] + "110" + "0001" + "11010000" + "111"
    return int(bits + "0" * (-len(bits) % 8), 2).to_bytes(-(-len(bits) // 8))


def sounds(folder: Path) -> Iterator[Path]:
    """Every entry of SOUNDS in three lengths."""
    for samples in (16_000, 33_333, 160_000):
        for name, *form in SOUNDS:
            yield write_sound(folder / f"{samples}.{name}", *form, samples)


class _Forward:
    """A file that cannot be gone back in."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, content: bytes) -> int:
        return self._file.write(content)
