"""What headers say."""

import struct
import zlib
from pathlib import Path

import pytest
from media_files import image, video, wav

from omnitune.media.probe import probe
from omnitune.validation.codes import RowError


def png_header(path: Path, width: int, height: int) -> Path:
    """A PNG that says its size and holds no pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    return path


def m4a(path: Path) -> Path:
    """A second of silence in AAC, which libsndfile does not read."""
    import av
    import numpy as np

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16384), dtype=np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rate": 8000},
        {"rate": 96000},
        {"channels": 6},
        {"subtype": "PCM_U8"},
        {"subtype": "PCM_24"},
        {"subtype": "DOUBLE"},
        {"format": "FLAC"},
        {"format": "OGG"},
    ],
    ids=str,
)
def test_audio_of_usual_forms(tmp_path: Path, options):
    found = probe("audio", str(wav(tmp_path / "a.wav", seconds=0.5, **options)))
    assert found.duration == pytest.approx(0.5, abs=0.01)
    assert (found.modality, found.sample_rate) == ("audio", options.get("rate", 16000))
    assert (found.format, found.channels) == (options.get("format", "WAV"), options.get("channels", 1))


def test_audio_that_libsndfile_does_not_know(tmp_path: Path):
    found = probe("audio", str(m4a(tmp_path / "a.m4a")))
    assert (found.sample_rate, found.channels) == (16000, 1)
    assert found.duration == pytest.approx(1.0, abs=0.15)


def test_the_sound_of_a_video_is_audio(tmp_path: Path):
    assert probe("audio", str(video(tmp_path / "v.mp4", sound=True))).sample_rate == 16000


@pytest.mark.parametrize(
    ("name", "format", "mode"),
    [
        ("i.png", "PNG", "RGB"),
        ("i.jpg", "JPEG", "CMYK"),
        ("i.webp", "WEBP", "RGBA"),
        ("i.gif", "GIF", "P"),
        ("i.bmp", "BMP", "1"),
        ("i.png", "PNG", "I;16"),
    ],
)
def test_images_of_usual_forms(tmp_path: Path, name, format, mode):
    found = probe("image", str(image(tmp_path / name, (30, 20), mode)))
    assert (found.modality, found.format, found.width, found.height) == ("image", format, 30, 20)
    assert (found.mode, found.orientation) == (mode, 1)


@pytest.mark.parametrize("sound", [False, True])
def test_video(tmp_path: Path, sound):
    found = probe("video", str(video(tmp_path / "v.mp4", frames=16, sound=sound)))
    assert (found.modality, found.width, found.height, found.frames) == ("video", 64, 48, 16)
    assert (found.duration, found.has_audio) == (2.0, sound)
    assert "mp4" in found.format


def test_what_the_name_says_does_not_matter(tmp_path: Path):
    assert probe("audio", str(wav(tmp_path / "a.mp3", format="WAV"))).format == "WAV"
    assert probe("image", str(image(tmp_path / "i.jpg", format="PNG"))).format == "PNG"


@pytest.mark.parametrize(
    ("content", "modality", "code", "message"),
    [
        (
            b"<!DOCTYPE html><html>",
            "audio",
            "E079",
            "is an HTML page, not a media file. Was it",
        ),
        (b"<html>404", "image", "E079", "is an HTML page, not a media file."),
        (b"hello there", "audio", "E079", "holds text, not media."),
        (b"hello there", "image", "E079", "holds text, not media."),
        (b"#EXTM3U\nhttp://x/y.ts\n", "video", "E074", "is a playlist, not a media file."),
        (
            b"ffconcat version 1.0\nfile a.wav\n",
            "audio",
            "E073",
            "is a list of other files, not",
        ),
        (b"\x01\xff\x00\xfe" * 99, "audio", "E080", "is no audio format that is known (unknown"),
        (b"\x01\xff\x00\xfe" * 99, "image", "E118", "is unknown data, none of the image formats JPEG, PNG, "),
        (b"\x01\xff\x00\xfe" * 99, "video", "E135", "is no video that can be opened (unknown data)."),
        (b"%PDF-1.7\n\x00", "image", "E118", "is a PDF, none of the image formats"),
        (b"II*\x00\x08\x00\x00\x00", "image", "E119", "is a TIFF, none of the image formats"),
        (b"<svg xmlns='x'/>", "image", "E118", "is an SVG drawing, which is not read."),
        (b"\x89PNG\r\n\x1a\n\x00", "image", "E101", "is a damaged PNG. Copy the file again."),
    ],
)
def test_what_is_no_such_medium_is_named(tmp_path: Path, content, modality, code, message):
    path = tmp_path / "x.bin"
    path.write_bytes(content)
    with pytest.raises(RowError) as caught:
        probe(modality, str(path))
    assert caught.value.finding.code == code
    assert str(caught.value).startswith(f"{path} {message}")


@pytest.mark.parametrize(
    ("size", "code", "message"),
    [
        ((7072, 7072), "E102", "has 7072 x 7072 pixels, the limit is 50 megapixels. Scale the image down."),
        ((13000, 13000), "E102", "has 13000 x 13000 pixels"),
        ((20000, 20000), "E102", "has 20000 x 20000 pixels"),
        ((201, 1), "E107", "has 201 x 1 pixels, beyond a ratio of 200"),
        ((1, 201), "E107", "has 1 x 201 pixels, beyond a ratio of 200"),
    ],
)
def test_images_beyond_the_limits(tmp_path: Path, size, code, message):
    path = png_header(tmp_path / "i.png", *size)
    findings = probe("image", str(path)).findings
    assert code in [finding.code for finding in findings]
    assert any(finding.sentence().startswith(f"{path} {message}") for finding in findings)


@pytest.mark.parametrize("size", [(7071, 7071), (200, 1), (1, 1)])
def test_images_just_within_the_limits(tmp_path: Path, size):
    assert probe("image", str(png_header(tmp_path / "i.png", *size))).width == size[0]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"seconds": 0.02}, "E091", "lasts 0.0200 s, less than 0.025 s."),
        ({"rate": 500}, "E094", "has a sample rate of 500 Hz."),
    ],
)
def test_audio_beyond_the_limits(tmp_path: Path, options, code, message):
    path = wav(tmp_path / "a.wav", **options)
    finding = probe("audio", str(path)).findings[0]
    assert finding.code == code
    assert finding.sentence().startswith(f"{path} {message}")


def test_a_video_without_its_index_is_an_incomplete_upload(tmp_path: Path):
    path = video(tmp_path / "v.mp4")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"moov") - 4])
    with pytest.raises(RowError, match=r"Is the upload complete\?") as caught:
        probe("video", str(path))
    assert caught.value.finding.code == "E135"


def test_silent_video_has_no_audio_track_to_offer(tmp_path: Path):
    with pytest.raises(RowError, match="has no audio track"):
        probe("audio", str(video(tmp_path / "v.mp4")))


def test_a_file_that_is_gone_is_named(tmp_path: Path):
    for modality in ("audio", "image", "video"):
        with pytest.raises(RowError, match="no such file") as caught:
            probe(modality, str(tmp_path / "gone"))
        assert caught.value.finding.code == "E061"
