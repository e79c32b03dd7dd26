"""Our own readers of headers say what the libraries say, on every file that both understand."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bad_media import BAD, Bad
from good_media import GOOD, Good
from media_files import wav

from omnitune.media import audio_header, film, image_header
from omnitune.media.facts import Limits, Opened
from omnitune.media.flac_header import read_flac
from omnitune.media.mp4_header import read_mp4
from omnitune.media.wav_header import read_wave
from omnitune.validation.codes import RowError

FILES = [file for file in (*GOOD, *BAD) if not getattr(file, "useless", False)]
# What the index says and FFmpeg does not believe, or takes from the samples instead.
LIES = {"E128", "E131", "E132", "E136", "E137", "E138", "E139", "E144"}


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    fd = os.open(path, os.O_RDONLY)
    try:
        yield Opened(str(path), fd, path.stat().st_size, os.pread(fd, 4096, 0))
    finally:
        os.close(fd)


def of(modality: str) -> pytest.MarkDecorator:
    files = [file for file in FILES if file.modality == modality]
    return pytest.mark.parametrize("media", files, ids=[file.name for file in files])


@of("audio")
def test_wav(media: Good | Bad, tmp_path: Path):
    with opened(media.make(tmp_path)) as file:
        ours = read_wave(file)
        if ours is None:
            assert not media.name.startswith("audio-PCM")
            return
        library = audio_header._read_by_libsndfile(file)
    if isinstance(library, str):  # E240
        assert library
        assert not ours.plain
        return
    assert library
    for name in ("format", "codec", "rate", "channels", "frames"):
        assert getattr(ours, name) == getattr(library, name), name


@of("audio")
def test_flac(media: Good | Bad, tmp_path: Path):
    path = media.make(tmp_path)
    with opened(path) as file:
        ours = read_flac(file)
        if ours is None:
            assert media.name not in ("audio-flac.flac", "E081-audio-cut.FLAC")
            return
        library = audio_header._read_by_libsndfile(file)
    assert ours == library


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44_100, 2), (96_000, 6), (655_350, 1)])
@pytest.mark.parametrize("bits", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("tag", [0, 100, 70_000])
def test_flac_of_every_form(rate: int, channels: int, bits: str, tag: int, tmp_path: Path):
    path = wav(tmp_path / "a.flac", 0.1, rate, channels, subtype=bits, format="FLAC")
    content = path.read_bytes()
    # A block of application data behind the first, which is not the last any more.
    more = b"\x02" + tag.to_bytes(3, "big") + bytes(tag) if tag else b""
    path.write_bytes(content[:42] + more + content[42:])
    with opened(path) as file:
        ours = read_flac(file)
        assert ours
        assert ours == audio_header._read_by_libsndfile(file)


@of("image")
def test_images(media: Good | Bad, tmp_path: Path):
    with opened(media.make(tmp_path)) as file:
        ours = image_header._read(file, Limits())
        if ours is None:
            assert media.name.endswith((".gif", ".bmp", "both_eyes.jpg"))
            return
        try:
            library = image_header._read_by_pillow(file, Limits())
        except RowError as error:
            # Pillow has a limit of its own, and does not open a WebP here.
            assert error.finding.code == "E102" or ours.format == "WEBP"  # noqa: PT017
            return
    for name in ("format", "mode", "width", "height", "orientation", "frames", "transparent", "bad_exif"):
        assert getattr(ours, name) == getattr(library, name), name
    assert bool(ours.profile) == bool(library.profile)


@pytest.mark.parametrize("name", ["lossy", "lossless", "alpha", "moving", "turned6", "lab", "zip"])
def test_webp_without_our_guard(name: str, tmp_path: Path):
    from PIL import Image

    media = next(media for media in FILES if media.name.endswith(f"-{name}.webp"))
    path = media.make(tmp_path)
    with opened(path) as file, Image.open(path) as image:
        ours = image_header._read(file, Limits())
        assert ours
        assert (ours.mode, ours.width, ours.height) == (image.mode, *image.size)
        assert ours.frames == getattr(image, "n_frames", 1)
        assert ours.orientation == image.getexif().get(0x0112, 1)
        assert bool(ours.profile) == ("icc_profile" in image.info)


@of("video")
def test_mp4(media: Good | Bad, tmp_path: Path):
    with opened(media.make(tmp_path)) as file:
        tracks = read_mp4(file)
        if tracks is None:
            assert not media.name.startswith("video-libx264.mp4")
            return
        ours = film.film_of_tracks(file, tracks)
        if getattr(media, "code", "") in LIES:
            return
        library = film.film_by_ffmpeg(file)
    for name in ("format", "codec", "width", "height", "frames", "sounds"):
        assert getattr(ours, name) == getattr(library, name), name
    assert ours.sound == pytest.approx(library.sound, abs=1e-6)
    # FFmpeg adds up how long decoding takes; of a pause among B-frames that may leave nothing (see good_media).
    if "pause_" not in media.name:
        assert ours.seconds == pytest.approx(library.seconds, abs=1e-6)
    assert ours.fps == pytest.approx(library.fps, rel=1e-4)
    assert set(ours.unusual) == set(library.unusual)


@of("audio")
def test_sound_in_mp4(media: Good | Bad, tmp_path: Path):
    with opened(media.make(tmp_path)) as file:
        ours = audio_header._read_mp4(file)
        if ours is None:
            assert not media.name.startswith("audio-aac.m4a")
            return
        library = audio_header._read_by_ffmpeg(file, "")
    for name in ("format", "codec", "rate", "channels", "declared", "tracks"):
        assert getattr(ours, name) == getattr(library, name), name
