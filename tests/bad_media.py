"""Media files that something is wrong with, each with the code that says so; all are made by code.

`BAD` is the list. `make` writes one into a folder and gives its path.
"""

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import odd_media
from media_files import image, video, wav
from mixed_rows import clip
from mp4_boxes import box, edit, put


class Bad(NamedTuple):
    """One bad file: what it is listed as, its code, whether it is of no use at all, and how it is made."""

    name: str
    modality: str
    code: str
    useless: bool
    make: Callable[[Path], Path]


BAD: list[Bad] = []


def _bad(modality: str, code: str, name: str, make: Callable[[Path], Any], useless: bool = False) -> None:
    def write(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
        return path

    BAD.append(Bad(f"{code}-{modality}-{name}", modality, code, useless, write))


def _holding(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content)


def cut(path: Path, share: float) -> Path:
    """Keep the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


# What is no media at all.

_GARBAGE = bytes(range(1, 256)) * 9
for _modality, _unknown in (("audio", "E080"), ("image", "E118"), ("video", "E135")):
    _bad(_modality, _unknown, "garbage.bin", _holding(b"\x01\xff\x00\xfe" + _GARBAGE), True)
    for _name, _code, _text in (
        ("page.wav", "E079", b"<!DOCTYPE html><html><body>404"),
        ("note.mp4", "E079", b"no media here\n" * 50),
        ("list.m3u8", "E074", b"#EXTM3U\n#EXT-X-VERSION:3\nhttp://x/a.ts\n"),
        ("list.mp4", "E073", b"ffconcat version 1.0\nfile other.mp4\n"),
        ("stream.sdp", "E074", b"v=0\no=- 0 0 IN IP4 127.0.0.1\n"),
        ("dash.mpd", "E074", b"<?xml version='1.0'?>\n<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>"),
        ("drawing.svg", "E118", b"<?xml version='1.0'?><svg xmlns='x'></svg>"),
        ("print.eps", "E118", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
        ("print.jpg", "E118", b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"),
    ):
        _bad(_modality, _code, _name, _holding(_text), True)


# Audio.


def riff(fmt: bytes, samples: bytes, length: int | None = None, before: bytes = b"", after: bytes = b"") -> bytes:
    """A WAV of these parts; `length` is what the header says of the samples."""
    size = len(samples) if length is None else length
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + before + b"data" + struct.pack("<I", size) + samples
    chunks += after
    return b"RIFF" + struct.pack("<I", min(4 + len(chunks), 0xFFFFFFFF)) + b"WAVE" + chunks


def pcm(rate: int = 16000, channels: int = 1, bits: int = 16, tag: int = 1) -> bytes:
    """The content of a `fmt ` chunk."""
    block = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate, min(rate * block, 0xFFFFFFFF), block % 65536, bits)


NOISE = np.random.default_rng(5).integers(-9000, 9000, 16000, dtype=np.int16).tobytes()
LIST = b"LIST" + struct.pack("<I", 26) + b"INFOISFT\x0d\0\0\0Lavf61.1.100\0\0"

for _share in (0.3, 0.5, 0.9, 0.99):
    _bad("audio", "E081", f"cut{_share}.wav", lambda path, share=_share: cut(wav(path, 1), share))
for _format in ("WAVEX", "RF64", "W64"):
    _bad("audio", "E081", f"cut.{_format}", lambda path, name=_format: cut(wav(path, 1, format=name), 0.6))
_bad("audio", "E081", "cut_behind_list.wav", _holding(riff(pcm(), NOISE[:9000], 32000, LIST)))
_bad("audio", "E081", "says_20_hours.wav", _holding(riff(pcm(), NOISE, 20 * 3600 * 32000)))
_bad("audio", "E082", "header_only.wav", _holding(riff(pcm(), b"")), True)
_bad("audio", "E082", "header_cut.wav", _holding(riff(pcm(), b"", 32000)), True)
for _length in (0xFFFFFFFF, 0xFFFFFFF0, 0xFFFFFFDB, 0x7FFFF000, 0x80000000):
    _bad("audio", "E083", f"stream_{_length:x}.wav", _holding(riff(pcm(), NOISE, _length)))
_bad("audio", "E084", "wav.mp3", lambda path: wav(path, 1, format="WAV"))
_bad("audio", "E084", "flac.wav", lambda path: wav(path, 1, format="FLAC"))
_bad("audio", "E084", "ogg.MP3", lambda path: wav(path, 1, format="OGG"))
_bad("audio", "E086", "stereo.wav", lambda path: wav(path, 1, channels=2))
_bad("audio", "E086", "studio.wav", lambda path: wav(path, 1, rate=96000, channels=6))
_bad("audio", "E087", "telephone.wav", lambda path: wav(path, 1, rate=8000))
_bad("audio", "E091", "click.wav", lambda path: wav(path, 0.01))


def long_wav(path: Path) -> Path:
    """A bit more than half an hour of silence; the disk stores nothing of it."""
    length = 1801 * 32000
    path.write_bytes(riff(pcm(), b"", length))
    with path.open("r+b") as file:
        file.truncate(44 + length)
    return path


_bad("audio", "E092", "long.wav", long_wav)
_bad("audio", "E094", "rate_0.wav", _holding(riff(pcm(0), NOISE)), True)
_bad("audio", "E094", "rate_1.wav", _holding(riff(pcm(1), NOISE)))
_bad("audio", "E094", "rate_10_million.wav", _holding(riff(pcm(10_000_000), NOISE * 20)))
_bad("audio", "E095", "no_channel.wav", _holding(riff(pcm(channels=0), NOISE)), True)
_bad("audio", "E095", "255_channels.wav", _holding(riff(pcm(channels=255), NOISE)))
for _subtype in ("ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"):
    _bad("audio", "E096", f"{_subtype}.wav", lambda path, name=_subtype: wav(path, 1, subtype=name))
for _format in ("AIFF", "CAF", "AU", "RF64", "W64"):
    _bad("audio", "E096", f"form.{_format}", lambda path, name=_format: wav(path, 1, format=name))
for _subtype in ("GSM610", "G721_32", "NMS_ADPCM_16"):
    _bad("audio", "E240", f"{_subtype}.wav", lambda path, name=_subtype: wav(path, 1, 8000, subtype=name))
# What libsndfile stumbles over behind the sound, or before it.
_bad("audio", "E240", "two_sounds.wav", _holding(2 * riff(pcm(), NOISE)))
_bad("audio", "E240", "two_chunks.wav", _holding(riff(pcm(), NOISE, after=riff(pcm(), NOISE)[36:])))
_bad("audio", "E240", "peak.wav", _holding(riff(pcm(), NOISE, after=b"PEAK\x08\0\0\0" + bytes(8))))
_bad("audio", "E240", "notes.wav", _holding(riff(pcm(), NOISE, before=LIST[:12] + b"data" + LIST[16:])))
_bad("audio", "E240", "dwvw.aiff", lambda path: wav(path, 1, format="AIFF", subtype="DWVW_16"))
for _name, *_form in odd_media.MISREAD:
    _bad("audio", "E240", _name, lambda path, form=tuple(_form): odd_media.write_sound(path, *form))
_bad("audio", "E100", "joined.mp3", lambda path: path.write_bytes(3 * wav(path, 1, format="MP3").read_bytes()))
for _share in (0.5, 0.98):
    _bad("audio", "E081", f"cut{_share}.mp3", lambda path, share=_share: cut(wav(path, 5, format="MP3"), share))
_bad("audio", "E097", "cover.mp3", lambda path: _with_tag(wav(path, 1, format="MP3"), 11_000_000))
_bad("audio", "E098", "drm.m4a", lambda path: _rename_entry(video(path, sound=True), b"mp4a", b"enca"), True)
_bad("audio", "E099", "two_tracks.mp4", lambda path: video(path, tracks=2))
_bad("audio", "E080", "silent.mp4", video, True)
_bad(
    "audio",
    "E081",
    "cut.m4a",
    lambda path: cut(video(path, frames=64, sound=True, seconds=8, faststart=True), 0.7),
)


def _long_sound(path: Path) -> Path:
    return video(path, frames=64, sound=True, seconds=8, faststart=True)


def _with_tag(path: Path, size: int) -> Path:
    length = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\4\0\0" + length + bytes(size) + path.read_bytes())
    return path


def _rename_entry(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    return path


# Images.


def chunk(name: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(
    width: int, height: int, *chunks: bytes, bits: int = 8, colour: int = 2, interlaced: int = 0, data: bytes = b""
) -> bytes:
    """A PNG that says its size and holds `data` for pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    end = chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + end


def jpeg(width: int, height: int, colours: int = 3) -> bytes:
    """A JPEG that says its size and holds no pixels."""
    frame = struct.pack(">BHHB", 8, height, width, colours) + b"\1\x11\0" * colours
    scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0"
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", 2 + len(frame)) + frame + scan + b"\xff\xd9"


def webp(width: int, height: int, flags: int = 0) -> bytes:
    """An extended WebP that says its size and holds no pixels."""
    body = b"VP8X" + struct.pack("<II", 10, flags) + (width - 1).to_bytes(3, "little")
    body += (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def gif(width: int, height: int, frames: int = 1) -> bytes:
    """A GIF with this many pictures of one pixel."""
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + picture * frames + b"\x3b"


def exif(value: int, kind: int = 3) -> bytes:
    """An EXIF block that holds an orientation alone."""
    return b"Exif\0\0MM\0*\0\0\0\x08\0\1" + struct.pack(">HHIHH", 0x0112, kind, 1, value, 0) + bytes(4)


def noise(path: Path, size: tuple[int, int] = (160, 120), mode: str = "RGB", **options: Any) -> Path:
    """Coloured noise in the format of the path's extension."""
    from PIL import Image

    Image.effect_noise(size, 60).convert(mode).save(path, **options)
    return path


def without_delays(path: Path) -> Path:
    """An animated GIF whose pictures say nothing of how long they are shown; FFmpeg makes one picture of it."""
    content, mark = _frames(path, 8, duration=100).read_bytes(), b"\x21\xf9\4"
    while (at := content.find(mark)) >= 0:
        content = content[:at] + content[at + 8 :]
    path.write_bytes(content)
    return path


def _frames(path: Path, count: int = 3, **options: Any) -> Path:
    from PIL import Image

    first, *rest = (Image.new("RGB", (40, 30), (40 * shade, 0, 0)) for shade in range(count))
    first.save(path, save_all=True, append_images=rest, **options)
    return path


def _profile(name: str) -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()  # type: ignore[arg-type]


for _share in (0.25, 0.5, 0.75, 0.99):
    for _extension in ("jpg", "png", "webp", "bmp"):
        _name = f"cut{_share}.{_extension}"
        _bad("image", "E101", _name, lambda path, share=_share: cut(noise(path), share), True)
_bad("image", "E101", "signature.png", _holding(b"\x89PNG\r\n\x1a\n\0"), True)
_bad("image", "E101", "signature.jpg", _holding(b"\xff\xd8\xff"), True)
_bad("image", "E101", "wrong_sum.png", _holding(png(30, 20).replace(b"\x1e", b"\x1f", 1)), True)
for _side in ((20_000, 20_000), (13_000, 13_000), (10_000, 8_900), (7_072, 7_072)):
    _bad("image", "E102", f"{_side[0]}.png", _holding(png(*_side)))
_bad("image", "E102", "huge.jpg", _holding(jpeg(65_500, 65_500)))
_bad("image", "E102", "huge.webp", _holding(webp(16_384, 16_384)))
_bad("image", "E102", "huge.gif", _holding(gif(9_000, 9_000)))
_bad("image", "E102", "huger.gif", _holding(gif(60_000, 60_000)), True)
_BOMB = zlib.compress(bytes(3_000_000))
_bad("image", "E105", "ztxt.png", _holding(png(30, 20, chunk(b"zTXt", b"Comment\0\0" + _BOMB))), True)
_bad("image", "E105", "itxt.png", _holding(png(30, 20, chunk(b"iTXt", b"Comment\0\1\0\0\0" + _BOMB))), True)
_bad("image", "E105", "iccp.png", _holding(png(30, 20, chunk(b"iCCP", b"Name\0\0" + _BOMB))), True)
_bad("image", "E105", "million.gif", _holding(gif(20, 20, 200_000)))
_bad("image", "E106", "dot.png", lambda path: image(path, (1, 1)))
_bad("image", "E107", "line.png", _holding(png(201, 1)))
_bad("image", "E107", "line.jpg", _holding(jpeg(20, 4_020)))
_bad("image", "E108", "empty.png", _holding(png(0, 20)), True)
_bad("image", "E108", "empty.jpg", _holding(jpeg(20, 0)), True)
_bad("image", "E109", "print.jpg", lambda path: image(path, mode="CMYK"))
_bad("image", "E110", "deep.png", lambda path: image(path, mode="I;16"))
_bad("image", "E111", "alpha.png", lambda path: image(path, mode="RGBA"))
_bad("image", "E111", "alpha.webp", lambda path: image(path, mode="RGBA", lossless=True))
_bad("image", "E112", "grey_alpha.png", lambda path: image(path, mode="LA"))
_bad("image", "E112", "key.png", lambda path: image(path, transparency=(0, 0, 0)))
_bad("image", "E112", "key_palette.png", lambda path: image(path, mode="P", transparency=0))
for _mode in ("L", "P"):
    _bad("image", "E112", f"key_{_mode}.gif", lambda path, mode=_mode: image(path, mode=mode, transparency=0))
_bad("image", "E112", "key_moving.gif", lambda path: _frames(path, transparency=0))
_bad("image", "E113", "palette.png", lambda path: image(path, mode="P"))
_bad("image", "E113", "two.png", lambda path: image(path, mode="1"))
_bad("image", "E113", "still.gif", lambda path: image(path, mode="P"))
_bad("image", "E113", "two.bmp", lambda path: image(path, mode="1"))
_bad("image", "E114", "moving.gif", _frames)
_bad("image", "E114", "moving.webp", _frames)
_bad("image", "E114", "moving.png", _frames)
_bad("image", "E114", "both_eyes.jpg", lambda path: _frames(path, format="MPO"))
for _turn in range(2, 9):
    _bad("image", "E115", f"turned{_turn}.jpg", lambda path, turn=_turn: noise(path, exif=exif(turn)))
    _bad("image", "E115", f"turned{_turn}.png", lambda path, turn=_turn: noise(path, exif=exif(turn)))
    _bad("image", "E115", f"turned{_turn}.webp", lambda path, turn=_turn: noise(path, exif=exif(turn)))
_bad("image", "E116", "exif_9.jpg", lambda path: noise(path, exif=exif(9)))
_bad("image", "E116", "exif_cut.jpg", lambda path: noise(path, exif=exif(6)[:18]))
_bad("image", "E116", "exif_bad.jpg", lambda path: noise(path, exif=b"Exif\0\0XX" + exif(6)))
_bad("image", "E116", "exif_cut.png", lambda path: noise(path, exif=exif(6)[:18]))
_bad("image", "E116", "exif_bad.webp", lambda path: noise(path, exif=b"Exif\0\0XX" + exif(6)))
_bad("image", "E117", "webp.jpg", lambda path: noise(path, format="WEBP"))
_bad("image", "E117", "png.JPG", lambda path: noise(path, format="PNG"))
_bad("image", "E117", "jpeg.tiff", lambda path: noise(path, format="JPEG"))
for _name, _magic in (
    ("a.pdf", b"%PDF-1.7\n\0"),
    ("a.psd", b"8BPS\0\1" + bytes(20)),
    ("a.wmf", b"\xd7\xcd\xc6\x9a" + bytes(20)),
    ("a.fpx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20)),
    ("heic.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
    ("a.avif", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"),
    ("a.jxl", b"\xff\x0a" + bytes(20)),
    ("sound.png", riff(pcm(), NOISE)),
):
    _bad("image", "E118", _name, _holding(_magic), True)
_bad("image", "E119", "a.tif", lambda path: noise(path), True)
_bad("image", "E119", "big_endian.tif", _holding(b"MM\0*\0\0\0\x08" + bytes(20)), True)
_bad("image", "E119", "a.jp2", _holding(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20)), True)
_bad("image", "E119", "a.j2k", _holding(b"\xff\x4f\xff\x51\0\x2f" + bytes(20)), True)
for _extension in ("jpg", "png", "webp"):
    _bad("image", "E120", f"lab.{_extension}", lambda path: noise(path, icc_profile=_profile("LAB")))
    _bad("image", "E122", f"zip.{_extension}", lambda path: noise(path) and _append(path, b"PK\3\4" + _GARBAGE))
_bad("image", "E122", "zip.bmp", lambda path: noise(path) and _append(path, b"PK\3\4" + _GARBAGE))
_bad("image", "E124", "passes.png", _holding(png(30_000, 1, interlaced=1)))


def _append(path: Path, content: bytes) -> Path:
    path.write_bytes(path.read_bytes() + content)
    return path


# Video.

_MDHD = "moov/trak/mdia/mdhd"
_STBL = "moov/trak/mdia/minf/stbl"


def _sized(width: int, height: int) -> Callable[[Path], Path]:
    return lambda path: edit(video(path), f"{_STBL}/stsd", put(8 + 32, ">HH", width, height))


def _timed(scale: int, ticks: int, frames: int, each: int) -> Callable[[Path], Path]:
    """A video whose header says `ticks` of `scale` a second, and its table `frames` times `each` ticks."""

    def make(path: Path) -> Path:
        video(path, frames=8)
        edit(path, _MDHD, put(12, ">II", scale, ticks))
        edit(path, "moov/trak/edts/elst", put(8, ">I", 1000 * ticks // scale))
        return edit(path, f"{_STBL}/stts", lambda _: struct.pack(">IIII", 0, 1, frames, each))

    return make


def _two_sizes(body: bytes) -> bytes:
    entry = body[8:]
    other = put(32, ">HH", 320, 240)(entry)
    return body[:4] + struct.pack(">I", 2) + entry + other


_bad("video", "E125", "sound.mp4", lambda path: video(path, frames=0, sound=True), True)
_bad("video", "E125", "sound.mkv", lambda path: video(path, frames=0, sound=True), True)
for _extension in ("mp4", "avi"):
    _bad("video", "E126", f"one.{_extension}", lambda path: video(path, frames=1))
for _count in (2, 3):
    _bad("video", "E127", f"{_count}.mp4", lambda path, count=_count: video(path, frames=count))
    _bad("video", "E127", f"{_count}.mkv", lambda path, count=_count: video(path, frames=count))
_UNEVEN = [0, 1, 2, 3, 8, 9, 10, 20]
_bad("video", "E128", "no_times.mp4", _timed(1000, 0, 8, 0))
_bad("video", "E128", "without_delays.gif", without_delays)
_bad("video", "E129", "uneven.mp4", lambda path: video(path, times=_UNEVEN))
_bad("video", "E129", "uneven_fragments.mp4", lambda path: video(path, times=_UNEVEN, fragments=True))
_bad("video", "E130", "fast.mp4", _timed(1000, 8, 8, 1))
_bad("video", "E130", "slow.mp4", _timed(1, 4000, 8, 500))
for _width, _height in ((2, 2), (16_000, 16_000), (9_000, 64)):
    _bad("video", "E131", f"{_width}x{_height}.mp4", _sized(_width, _height))
for _width in (16, 24, 48, 72):
    _bad("video", "E242", f"{_width}.mp4", lambda path, width=_width: clip(path, 8, (width, 64), Fraction(8)))
_bad("video", "E242", "live.mkv", lambda path: video(path, 16, live=True))
_bad("video", "E242", "lying.mp4", lambda path: video(path, size=(64, 48), turned=90))
for _name, *_form in odd_media.UNREAD:
    _bad("video", "E242", _name, lambda path, form=tuple(_form): odd_media.write_clip(path, *form))
_bad("video", "E132", "ribbon.mp4", _sized(4_020, 20))
for _turn in (90, 180, 270):
    _bad("video", "E133", f"turned{_turn}.mp4", lambda path, turn=_turn: video(path, turned=turn))
_bad("video", "E134", "deep.mp4", lambda path: video(path, codec="libx264", pixels="yuv420p10le"))
_bad("video", "E134", "deep.mkv", lambda path: video(path, codec="libx264", pixels="yuv420p10le"))
for _pixels in ("yuv422p10le", "yuv444p10le"):
    _bad("video", "E134", f"{_pixels}.mp4", lambda path, form=_pixels: video(path, codec="libx264", pixels=form))
for _pixels in ("yuv422p10le", "yuva444p10le"):
    _bad("video", "E134", f"{_pixels}.mov", lambda path, form=_pixels: video(path, codec="prores_ks", pixels=form))
_bad("video", "E134", "alpha.mov", lambda path: video(path, codec="qtrle", pixels="argb"))
_bad("video", "E134", "deep_hevc.mp4", lambda path: video(path, codec="libx265", pixels="yuv420p10le"))
_bad("video", "E134", "wide.mp4", lambda path: video(path, shape=(2, 1)))
_bad("video", "E134", "wide.mkv", lambda path: video(path, shape=(2, 1)))
_bad("video", "E134", "hdr.mp4", lambda path: video(path, codec="libx264", transfer=16))
_bad("video", "E135", "no_index.mp4", lambda path: _rename_entry(video(path), b"moov", b"free"), True)
_bad("video", "E135", "cut_index.mp4", lambda path: cut(video(path), 0.9), True)
_bad("video", "E135", "cut_samples.mp4", lambda path: cut(video(path, frames=64), 0.3), True)
_bad("video", "E136", "cut.mp4", lambda path: cut(video(path, frames=200, faststart=True), 0.7))
_bad("video", "E135", "boxes.mp4", lambda path: _boxes(video(path), 1_001), True)
_bad("video", "E136", "far_sound.mp4", lambda path: _far_sound(video(path, sound=True)))
_bad("video", "E136", "far.mp4", lambda path: edit(video(path), f"{_STBL}/stco", put(8, ">I", 1 << 30)))
_bad("video", "E137", "says_10_hours.mp4", _timed(1000, 36_000_000, 8, 125))
_bad("video", "E137", "says_1_second.mp4", _timed(1000, 1000, 8, 4_500_000))
_bad(
    "video",
    "E137",
    "says_10_hours_reordered.mp4",
    lambda path: edit(video(path, 20, codec="libx264"), _MDHD, put(12, ">II", 1000, 36_000_000)),
)
_EMPTY_EDIT = struct.pack(">IIIiIIiI", 0, 2, 5000, -1, 0x10000, 1000, 0, 0x10000)
_LATE_EDIT = struct.pack(">IIIiI", 0, 1, 300, 11_000, 0x10000)
_TWO_EDITS = struct.pack(">IIIiIIiI", 0, 2, 500, 0, 0x10000, 500, 8192, 0x10000)
for _name, _edit_list in (("empty", _EMPTY_EDIT), ("late", _LATE_EDIT), ("two", _TWO_EDITS)):
    _bad(
        "video",
        "E138",
        f"{_name}_edit.mp4",
        lambda path, new=_edit_list: edit(video(path), "moov/trak/edts/elst", lambda _: new),
    )
_bad("video", "E138", "no_key.mp4", lambda path: edit(_key(path), f"{_STBL}/stss", lambda _: bytes(8)))
_bad("video", "E138", "late_key.mp4", lambda path: edit(_key(path), f"{_STBL}/stss", put(8, ">I", 5)))
_bad("video", "E139", "two_sizes.mp4", lambda path: edit(video(path), f"{_STBL}/stsd", _two_sizes))
_bad("video", "E141", "short_sound.mp4", lambda path: video(path, frames=64, sound=True))
_bad("video", "E141", "long_sound.mkv", lambda path: video(path, sound=True, seconds=9))
_bad(
    "video",
    "E143",
    "codec.mp4",
    lambda path: edit(video(path, codec="libx264"), f"{_STBL}/stsd", put(8 + 4, ">4B", *b"zzzz")),
    True,
)
_bad("video", "E144", "long.mp4", _timed(1000, 8_000_000, 8, 1_000_000))
_bad("video", "E144", "8k.mp4", _sized(7_680, 4_320))
_bad("video", "E144", "dense.mp4", lambda path: _append(video(path), box(b"free", b"")) and _sparse(path, 10**9))
_bad("video", "E098", "drm.mp4", lambda path: _rename_entry(video(path), b"mp4v", b"encv"), True)
_bad("video", "E099", "two_sounds.mp4", lambda path: video(path, tracks=2))
_bad("video", "E099", "two_sounds.mkv", lambda path: video(path, tracks=2))
_bad("video", "E117", "matroska.mp4", lambda path: video(path, format="matroska"))


def _boxes(path: Path, count: int) -> Path:
    """With empty boxes in front of everything else but the type."""
    content = path.read_bytes()
    size = int.from_bytes(content[:4], "big")
    path.write_bytes(content[:size] + count * box(b"free", b"") + content[size:])
    return path


def _far_sound(path: Path) -> Path:
    """With the last chunk of sound behind the end of the file."""
    return edit(path, f"{_STBL}/stco", lambda body: body[:-4] + struct.pack(">I", 1 << 30), track=1)


def _key(path: Path) -> Path:
    return video(path, frames=40)


def _sparse(path: Path, size: int) -> Path:
    with path.open("r+b") as file:
        file.truncate(size)
    return path
