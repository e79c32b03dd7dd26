"""The header of an MP3 says what libsndfile says, or is left to it."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from omnitune.media.audio_header import probe_audio
from omnitune.media.facts import Limits, Opened
from omnitune.media.mp3_header import read_mp3
from omnitune.media.sound import Sound

RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


def mp3(path: Path, rate: int = 16_000, channels: int = 1, samples: int = 5000, mode: str = "VARIABLE") -> Path:
    sound = np.random.default_rng(7).normal(0, 0.1, (samples, channels))
    soundfile.write(path, sound, rate, format="MP3", bitrate_mode=mode)
    return path


def read(path: Path) -> Sound | None:
    with path.open("rb") as file:
        return read_mp3(Opened(str(path), file.fileno(), path.stat().st_size, file.read(512)))


def by_libsndfile(path: Path) -> tuple[int, int, int] | None:
    try:
        with soundfile.SoundFile(path) as sound:
            return sound.samplerate, sound.channels, sound.frames
    except soundfile.LibsndfileError:
        return None


@pytest.mark.parametrize("mode", ["CONSTANT", "AVERAGE", "VARIABLE"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_every_form_has_the_length_that_is_decoded(rate: int, channels: int, mode: str, tmp_path: Path):
    for samples in (1, 576, 1152, 5000, rate + 17):
        path = mp3(tmp_path / "a.mp3", rate, channels, samples, mode)
        found = read(path)
        assert found == Sound("MP3", "MPEG_LAYER_III", rate, channels, *[len(soundfile.read(path)[0])] * 2)


def test_a_tag_before_or_after_the_sound_changes_nothing(tmp_path: Path):
    path = mp3(tmp_path / "a.mp3")
    plain, content = read(path), path.read_bytes()
    # The tag's size has seven bits a byte: two times 128 and one more.
    path.write_bytes(b"ID3\x04\0\0\0\0\x02\x01" + bytes(257) + content + b"TAG" + bytes(125))
    assert plain == read(path) is not None
    with path.open("rb") as file:
        assert (
            probe_audio(Opened(str(path), file.fileno(), 10_000, file.read(512)), Limits()).frames == plain.frames
        )


def test_a_file_without_an_index_or_with_a_part_of_itself_is_left_to_the_library(tmp_path: Path):
    path = mp3(tmp_path / "a.mp3", samples=40_000)
    content = path.read_bytes()
    for other in (
        content[:-1],
        content[: len(content) // 2],
        content.replace(b"Xing", b"\0\0\0\0"),
        b"ID3",
        b"\xff",
    ):
        path.write_bytes(other)
        assert read(path) is None


def test_damage_is_read_as_libsndfile_reads_it_or_left_to_it(tmp_path: Path):
    random = np.random.default_rng(11)
    path, taken = mp3(tmp_path / "a.mp3", samples=20_000), 0
    content = path.read_bytes()
    for _ in range(1500):
        damaged = bytearray(content)
        for _ in range(random.integers(1, 4)):
            damaged[random.integers(0, 500)] = random.integers(0, 256)
        path.write_bytes(damaged)
        if found := read(path):
            taken += 1
            assert by_libsndfile(path) == (found.rate, found.channels, found.frames), os.fspath(path)
    assert taken > 500
