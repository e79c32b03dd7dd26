"""Files that are all there, and files that are not."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from media_files import video, wav
from PIL import Image

from omnitune.media.endings import Ending, ending


def end_of(content: bytes) -> Ending:
    return ending(content, len(content))


def noise(path: Path, **options) -> Path:
    pixels = np.random.default_rng(7).integers(0, 255, (64, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def sound(path: Path) -> Path:
    samples = np.random.default_rng(7).normal(0, 0.1, 60_000)
    soundfile.write(path, samples, 16_000)
    return path


MAKERS = {
    "i.jpg": noise,
    "i.png": noise,
    "i.gif": noise,
    "i.webp": noise,
    "a.wav": sound,
    "a.flac": sound,
    "a.ogg": sound,
    "v.mp4": video,
    "v.mkv": video,
    "v.avi": video,
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_whole_file_is_whole(tmp_path: Path, name):
    assert end_of(MAKERS[name](tmp_path / name).read_bytes()) == Ending()


@pytest.mark.parametrize("share", [0.98, 0.7, 0.5])
@pytest.mark.parametrize("name", [name for name in MAKERS if name != "v.mkv"])
def test_a_file_that_is_cut_off_says_what_is_missing(tmp_path: Path, name, share):
    content = MAKERS[name](tmp_path / name).read_bytes()
    found = end_of(content[: int(share * len(content))])
    # A FLAC's last frame may be cut: that is seen when it is decoded.
    assert found.fault or (name, share) == ("a.flac", 0.98)


def test_a_matroska_file_is_held_to_the_size_of_its_segment(tmp_path: Path):
    content = video(tmp_path / "v.mkv", frames=40).read_bytes()
    assert "its segment ends" in end_of(content[:-10]).fault
    # A segment of unknown size, as live recordings have.
    place = content.index(b"\x18\x53\x80\x67") + 4
    assert end_of(content[:place] + b"\x01" + b"\xff" * 7 + content[place + 8 : -10]) == Ending()


def test_a_thumbnail_s_end_is_not_the_image_s(tmp_path: Path):
    exif = Image.Exif()
    thumbnail = noise(tmp_path / "small.jpg").read_bytes()
    exif[0x9286] = thumbnail  # any tag may hold it
    content = noise(tmp_path / "i.jpg", exif=exif).read_bytes()
    assert b"\xff\xd9" in content[: len(thumbnail) + 200]
    assert end_of(content) == Ending()
    assert end_of(content[:-500]).fault == "it has no end-of-image marker"


@pytest.mark.parametrize("name", ["i.jpg", "i.png"])
def test_what_follows_an_image_is_counted(tmp_path: Path, name):
    assert end_of(noise(tmp_path / name).read_bytes() + b"PK\x03\x04" * 5) == Ending(surplus=20)


def test_a_wrong_checksum_is_found_where_it_is(tmp_path: Path):
    content = bytearray(noise(tmp_path / "i.png").read_bytes())
    place = content.index(b"IDAT")
    content[place + 40] ^= 1
    assert end_of(bytes(content)).fault == f"the checksum of its IDAT chunk at byte {place - 4} is wrong"


@pytest.mark.parametrize("count", [0xFFFFFFFF, 0xFFFFFFF0])
def test_a_streamed_wav_goes_to_the_end_of_its_file(tmp_path: Path, count):
    content = bytearray(wav(tmp_path / "a.wav").read_bytes())
    place = content.index(b"data")
    content[place + 4 : place + 8] = struct.pack("<I", count)
    assert end_of(bytes(content)) == Ending()


def test_a_wav_that_promises_hours_is_cut_off(tmp_path: Path):
    content = bytearray(wav(tmp_path / "a.wav", 1).read_bytes())
    place = content.index(b"data")
    content[place + 4 : place + 8] = struct.pack("<I", 20 * 3600 * 32_000)
    assert (
        end_of(bytes(content)).fault == f"its sound ends {20 * 3600 * 32_000 - 32_000} bytes after the file does"
    )


def test_chunks_before_the_sound_are_passed_over(tmp_path: Path):
    content = wav(tmp_path / "a.wav").read_bytes()
    place = content.index(b"data")
    listed = content[:place] + b"LIST" + struct.pack("<I", 5) + b"INFOx\0" + content[place:]
    assert end_of(listed) == Ending()
    assert end_of(content[:place]).fault == "it has no data chunk"


def test_boxes_of_every_kind_of_size(tmp_path: Path):
    start = struct.pack(">I4s8x", 16, b"ftyp")
    assert end_of(start + struct.pack(">I4sQ", 1, b"mdat", 20) + b"1234") == Ending()
    assert end_of(start + struct.pack(">I4sQ", 1, b"mdat", 1 << 40)).fault.startswith("its mdat box ends")
    assert end_of(start + struct.pack(">I4s", 0, b"mdat") + b"to the end") == Ending()
    assert end_of(start + b"\0" * 24) == Ending(surplus=24)


@pytest.mark.parametrize("size", range(40))
def test_scraps_are_no_crash(tmp_path: Path, size):
    for name, make in MAKERS.items():
        end_of(make(tmp_path / name).read_bytes()[:size]) if size % 8 == 0 else end_of(b"RIFF" + b"\xff" * size)


def test_random_heads_are_no_crash():
    draw = np.random.default_rng(3)
    heads = [
        b"\xff\xd8",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WAVE",
        b"\0\0\0\x10ftyp",
        b"fLaC",
        b"OggS",
        b"ID3",
        b"\xff\xfb",
    ]
    heads += [b"GIF89a", b"\x1aE\xdf\xa3"]
    for head in heads:
        for _ in range(200):
            content = head + draw.bytes(int(draw.integers(0, 300)))
            assert isinstance(end_of(content).surplus, int)


def test_a_file_of_pieces_without_end_keeps_no_one_busy():
    box = struct.pack(">I4s", 8, b"free")
    chunk = struct.pack(">I4sI", 0, b"tEXt", zlib.crc32(b"tEXt"))
    for start, piece in ((b"\0\0\0\x08ftyp", box), (b"\x89PNG\r\n\x1a\n", chunk), (b"\xff\xd8", b"\xff\xe1\0\2")):
        assert end_of(start + 250_000 * piece).fault == "it has more than 200000 pieces"


def test_what_follows_a_matroska_is_surplus(tmp_path: Path):
    content = video(tmp_path / "a.mkv").read_bytes()
    assert end_of(content) == Ending()
    assert end_of(content + content).surplus == len(content)
