"""Media files that are unusual and good: nothing of them may be refused, and their facts must be right.

`GOOD` is the list; every file is made by code.
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import odd_media
from bad_media import LIST, NOISE, exif, gif, noise, pcm, png, riff
from media_files import image, video, wav


class Good(NamedTuple):
    """One good file: what it is listed as, how it is made, some of its facts, and what is remarked on it."""

    name: str
    modality: str
    make: Callable[[Path], Path]
    facts: dict[str, Any]
    codes: set[str]


GOOD: list[Good] = []


def _good(modality: str, name: str, make: Callable[[Path], Any], codes: str = "", **facts: Any) -> None:
    def write(folder: Path) -> Path:
        path = folder / name
        make(path)
        return path

    GOOD.append(Good(f"{modality}-{name}", modality, write, facts, set(codes.split())))


def _holding(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content)


# Audio.

for _subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"):
    _good("audio", f"{_subtype}.wav", lambda path, name=_subtype: wav(path, 1, subtype=name), codec=_subtype)
    _good("audio", f"{_subtype}x.wav", lambda path, name=_subtype: wav(path, 1, subtype=name, format="WAVEX"))
for _rate in (8000, 11025, 22050, 44100, 48000, 96000):
    _code = "E087" if _rate < 16000 else "E086"
    _good("audio", f"{_rate}.wav", lambda path, rate=_rate: wav(path, 1, rate), _code, sample_rate=_rate)
for _channels in range(2, 7):
    _good(
        "audio", f"{_channels}.wav", lambda path, n=_channels: wav(path, 1, channels=n), "E086", channels=_channels
    )
_good("audio", "one_window.wav", lambda path: wav(path, 0.025), frames=400)
_good("audio", "flac.flac", lambda path: wav(path, 1, format="FLAC"), format="FLAC", frames=16000)
_good("audio", "vorbis.ogg", lambda path: wav(path, 1, format="OGG"), frames=16000, codec="VORBIS")
_good("audio", "a.opus", lambda path: wav(path, 1, format="OGG", subtype="OPUS"), frames=16000, codec="OPUS")
_good("audio", "mp3.mp3", lambda path: wav(path, 1, format="MP3"), frames=16000)
_good("audio", "aac.m4a", lambda path: video(path, 0, sound=True, seconds=1), duration=1.064, codec="aac")
_good("audio", "aac.aac", lambda path: video(path, 0, sound=True, seconds=1, format="adts"), codec="aac")
_good("audio", "UPPER.WAV", lambda path: wav(path, 1), frames=16000)
_good("audio", "noname", lambda path: wav(path, 1, format="WAV"), frames=16000)
_good("audio", "-a 'b' $(c) é.wav", lambda path: wav(path, 1), frames=16000)
_good("audio", "list_first.wav", _holding(riff(pcm(), NOISE, before=LIST)), frames=16000)
_good("audio", "list_last.wav", _holding(riff(pcm(), NOISE, after=LIST)), frames=16000)
_good(
    "audio", "big_chunk.wav", _holding(riff(pcm(), NOISE, before=b"JUNK\xa1\x1f\0\0" + bytes(8098))), frames=16000
)
_good("audio", "odd_chunk.wav", _holding(riff(pcm(), NOISE, before=b"note\5\0\0\0abcde\0")), frames=16000)
_good("audio", "fmt_18.wav", _holding(riff(pcm() + b"\0\0", NOISE)), frames=16000)
_good("audio", "stream.wav", _holding(riff(pcm(), NOISE, 0xFFFFFFF0)), "E083", frames=16000)
_good("audio", "wav.mp3", lambda path: wav(path, 1, format="WAV"), "E084", format="WAV")


def _open_flac(path: Path) -> Path:
    """A FLAC whose header leaves the number of samples open, as FFmpeg writes it into a pipe."""
    content = bytearray(wav(path, 1, format="FLAC").read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    return path


_good("audio", "open.flac", _open_flac, "E083 E240", frames=16000)
_LIVE = {"sound": True, "seconds": 2.0, "live": True}
_good("audio", "live.webm", lambda path: video(path, 0, **_LIVE), "E083 E086", sample_rate=48000)

# Images.

for _mode, _code in (
    ("RGB", ""),
    ("L", ""),
    ("P", "E113"),
    ("1", "E113"),
    ("RGBA", "E111"),
    ("LA", "E112"),
    ("I;16", "E110"),
):
    _name = _mode.replace(";", "_")
    _good("image", f"{_name}.png", lambda path, mode=_mode: image(path, (30, 20), mode), _code, mode=_mode)
for _mode, _code in (("RGB", ""), ("L", ""), ("CMYK", "E109")):
    _good("image", f"{_mode}.jpg", lambda path, mode=_mode: noise(path, mode=mode), _code, mode=_mode, width=160)
    _good("image", f"{_mode}_passes.jpg", lambda path, mode=_mode: noise(path, mode=mode, progressive=True), _code)
for _mode, _code in (("RGB", ""), ("L", ""), ("1", "E113")):
    _good("image", f"{_mode}.bmp", lambda path, mode=_mode: image(path, (30, 20), mode), _code, mode=_mode)
_good("image", "lossy.webp", lambda path: noise(path), mode="RGB", width=160, height=120)
_good("image", "lossless.webp", lambda path: noise(path, lossless=True), mode="RGB", width=160, height=120)
_good("image", "grey.gif", lambda path: noise(path, mode="P"), mode="L", width=160, height=120)
_good("image", "dot.png", lambda path: image(path, (1, 1)), "E106", width=1)
# Bytes of an interlaced picture of 32 x 24: seven small ones, of rows that begin with their filter
# (PNG specification, section 8.2).
_PASSES = ((4, 3), (4, 3), (8, 3), (8, 6), (16, 6), (16, 12), (32, 12))
ADAM7 = sum(rows * (1 + 3 * columns) for columns, rows in _PASSES)
_good("image", "ratio_200.png", lambda path: image(path, (20 * 200, 20)), width=4000)
_good("image", "just_below.png", lambda path: image(path, (7_071, 7_071), "L", compress_level=1), width=7_071)
_good("image", "just_below.jpg", lambda path: image(path, (7_071, 7_071), "L"), width=7_071)
_good(
    "image",
    "just_below.webp",
    lambda path: image(path, (7_071, 7_071), lossless=True, quality=0, method=0),
    width=7_071,
)
_good("image", "just_below.gif", _holding(gif(7_000, 7_000)), "E113", width=7_000)
_good("image", "interlaced.png", _holding(png(32, 24, interlaced=1, data=bytes(ADAM7))), width=32)
_good("image", "deep_colour.png", _holding(png(30, 20, bits=16, data=bytes(20 * (1 + 30 * 6)))), mode="RGB")
for _turn in range(1, 9):
    _code = "E115" if _turn > 1 else ""
    _good("image", f"turned{_turn}.jpg", lambda path, n=_turn: noise(path, exif=exif(n)), _code, orientation=_turn)
_good("image", "comment.jpg", lambda path: noise(path, comment=b"taken by hand"))
_good("image", "padded.jpg", lambda path: noise(path) and _append(path, bytes(500)))
_good("image", "trailer.jpg", lambda path: noise(path) and _append(path, b"SEFT" * 40), "E122")
_good("image", "srgb.jpg", lambda path: noise(path, icc_profile=_srgb()))
_good("image", "srgb.png", lambda path: noise(path, icc_profile=_srgb()))
_good("image", "large_profile.jpg", lambda path: noise(path, icc_profile=_srgb() + bytes(500_000)))
_good("image", "large_profile.png", lambda path: noise(path, icc_profile=_srgb() + bytes(500_000)))
_good("image", "large_exif.jpg", lambda path: noise(path, exif=exif(1) + bytes(60_000)), orientation=1)
_good("image", "UPPER.JPG", lambda path: noise(path, format="JPEG"), format="JPEG")
_good("image", "x.jfif", lambda path: noise(path, format="JPEG"), format="JPEG")


def _srgb() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _append(path: Path, content: bytes) -> Path:
    path.write_bytes(path.read_bytes() + content)
    return path


# Video.

_FACTS = {"frames": 16, "fps": 8.0, "duration": 2.0, "width": 64, "height": 48}
for _extension, _codec in (
    ("mp4", "mpeg4"),
    ("mp4", "libx264"),
    ("mp4", "libx265"),
    ("mp4", "libvpx-vp9"),
    ("mp4", "libsvtav1"),
    ("mov", "libx264"),
    ("mkv", "libx264"),
    ("mkv", "mpeg4"),
    ("webm", "libvpx"),
    ("webm", "libvpx-vp9"),
    ("avi", "mpeg4"),
    ("avi", "mjpeg"),
):
    _pixels = "yuvj420p" if _codec == "mjpeg" else "yuv420p"

    def _make(path: Path, codec: str = _codec, pixels: str = _pixels) -> Path:
        return video(path, 16, codec=codec, pixels=pixels, sound=True, seconds=1.9)

    _unread = "E242" if _codec == "libsvtav1" else ""
    _good("video", f"{_codec}.{_extension}", _make, _unread, has_audio=True, **_FACTS)
for _pixels in ("yuv422p", "yuv444p"):
    _good(
        "video",
        f"{_pixels}.mp4",
        lambda path, form=_pixels: video(path, 16, codec="libx264", pixels=form),
        **_FACTS,
    )
_good("video", "silent.mp4", lambda path: video(path, 16), has_audio=False, audio_seconds=0.0, **_FACTS)
_good("video", "two_frames.mp4", lambda path: video(path, 2), "E127", frames=2)
_good("video", "odd.mkv", lambda path: video(path, 16, (63, 47), codec="libvpx-vp9"), width=63, height=47)
_good("video", "index_first.mp4", lambda path: video(path, 16, faststart=True), **_FACTS)
_good("video", "fragments.mp4", lambda path: video(path, 16, fragments=True), **_FACTS)
_good(
    "video",
    "fragments_but_the_first.mp4",
    lambda path: odd_media.write_clip(path, "mpeg4", 60, Fraction(25), "mp4", {"movflags": "frag_keyframe"}),
    frames=60,
    duration=2.4,
    counted=True,
)
_live = lambda path: video(path, 16, codec="libvpx", **_LIVE)  # noqa: E731
_good("video", "live.webm", _live, "E242", has_audio=True, **_FACTS)
_good("video", "live.mkv", lambda path: video(path, 16, live=True), "E242", has_audio=False, **_FACTS)
_good("video", "uneven.mp4", lambda path: video(path, 6, times=[0, 1, 2, 6, 7, 12]), "E129", frames=6)
# B-frames: what lasts long in the order of decoding is not what lasts long on the screen. FFmpeg does not see all.
_PAUSES = {
    "last": ([*range(20), 100], ""),
    "near_the_end": ([*range(20), 100, 101], ""),
    "within": ([*range(10), *range(90, 100)], "E129"),
    "first": ([0, *range(80, 100)], "E129"),
    "short": ([0, 1, 2, 80], ""),
}


def _pause(times: list[int], **options: Any) -> Callable[[Path], Path]:
    return lambda path: video(path, len(times), times=times, codec="libx264", **options)


for _where, (_times, _seen) in _PAUSES.items():
    _length = (_times[-1] + 1) / 8
    for _form in ("mp4", "mov"):
        _good("video", f"pause_{_where}.{_form}", _pause(_times), "E129", frames=len(_times), duration=_length)
    _good("video", f"pause_{_where}_fragments.mp4", _pause(_times, fragments=True), _seen, frames=len(_times))
    _good("video", f"pause_{_where}.mkv", _pause(_times), frames=len(_times))
for _rate in (1, 2):
    _good("video", f"slow{_rate}.mp4", lambda path, rate=_rate: video(path, 12, rate=rate, codec="libx264"))
_good("video", "late.mp4", lambda path: video(path, 16, times=range(3, 19)), frames=16, fps=8.0)
_good("video", "late.mkv", lambda path: video(path, 16, times=range(3, 19)), fps=8.0)
for _turn in (90, 180, 270):
    _good(
        "video",
        f"turned{_turn}.mp4",
        lambda path, n=_turn: video(path, 4, (64, 80), turned=n),
        "E133",
        rotation=_turn,
    )
