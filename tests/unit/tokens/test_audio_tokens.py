"""Tokens of sound: closed forms."""

from fractions import Fraction
from pathlib import Path

import odd_media
import pytest
from media_files import video
from mixed_rows import aac_facts, clip

from omnitune.media.probe import probe
from omnitune.media.sound_length import aac_samples, mp3_is_counted
from omnitune.tokens.audio import audio_tokens, resampled, resampled_stream
from omnitune.tokens.unknown import Unknown


@pytest.mark.parametrize(
    ("samples", "tokens"),
    [
        (16_000, 13), (80_000, 65), (16_000 * 60, 780), (15_999, 13), (320, 1), (160 * 8, 1), (160 * 9, 2),
        (160 * 16 + 159, 2), (160 * 17, 3), (160 * 101, 14), (160 * 199, 26), (16_000 * 3600, 13 * 3600),
    ],
)  # fmt: skip
def test_thirteen_tokens_a_second_and_an_eighth_of_the_rest(samples: int, tokens: int):
    assert audio_tokens(samples) == tokens


@pytest.mark.parametrize("samples", [0, 159, 319])
def test_sound_of_less_than_two_hops_is_unknown(samples: int):
    with pytest.raises(Unknown, match="too few"):
        audio_tokens(samples)


def test_the_same_rate_keeps_every_sample():
    assert resampled(12_345, 16_000, 16_000) == resampled_stream(12_345, 16_000, 16_000) == 12_345


@pytest.mark.parametrize(
    ("samples", "rate", "expected"),
    [
        (8_000, 8_000, 16_000),  # up: exactly the ceiling
        (100_000, 11_025, 145_125),
        (100_000, 44_100, 36_281),  # down: the ceiling is 36,282
        (180_438, 44_100, 65_465),
        (44_100, 44_100, 16_000),
        (100_000, 48_000, 33_333),
        (11_099, 22_050, 8_053),
        (300, 48_000, 100),  # padded first, so the ceiling again
    ],
)
def test_resampling_down_may_lose_a_sample(samples: int, rate: int, expected: int):
    assert resampled(samples, rate, 16_000) == expected


@pytest.mark.parametrize(
    ("samples", "rate", "expected"), [(20_480, 44_100, 7_414), (20_480, 48_000, 6_810), (10, 48_000, 0)]
)
def test_a_resampler_that_is_not_flushed_keeps_half_its_filter(samples: int, rate: int, expected: int):
    assert resampled_stream(samples, rate, 16_000) == expected


@pytest.mark.parametrize(
    ("packets", "shown", "samples"),
    [(21, 20_000, 20_480), (21, 19_977, 20_480), (48, 48_113, 48_128), (100, 20_000, 20_480)],
)
def test_an_aac_track_comes_out_in_whole_frames(packets: int, shown: int, samples: int):
    assert aac_samples(packets, 1024, shown) == samples


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("frames", [5, 37, 100])
def test_the_same_is_what_ffmpeg_decodes(tmp_path: Path, rate: int, frames: int):
    import av

    path = clip(tmp_path / "a.mp4", frames, (64, 48), Fraction(25), rate)
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        decoded = sum(frame.samples for frame in container.decode(track))
    assert aac_samples(*aac_facts(path)) == decoded


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_the_length_of_an_mp3_is_a_count_where_its_index_is_whole(tmp_path: Path, rate: int, layout: str):
    import soundfile

    def counted_and_true(path: Path) -> tuple[bool, bool]:
        with soundfile.SoundFile(path) as sound:
            true = sound.frames == len(sound.read())
        content = path.read_bytes()
        return mp3_is_counted(content[:200], len(content)), true

    with_index, without = mp3(tmp_path / "a.mp3", rate, layout, "1"), mp3(tmp_path / "b.mp3", rate, layout, "0")
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(with_index.read_bytes()[: with_index.stat().st_size // 2])
    assert counted_and_true(with_index) == (True, True)
    assert counted_and_true(cut) == (False, False)
    # At 16 kHz the guess happens to be right.
    assert counted_and_true(without) == (False, rate == 16_000)


def mp3(path: Path, rate: int, layout: str, index: str) -> Path:
    """Noise that grows louder, coded by quality, so that the bit rate is no measure of its length."""
    import av
    import numpy as np

    with av.open(str(path), "w", options={"write_xing": index, "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout=layout)
        samples = (np.random.default_rng(1).uniform(-1, 1, (len(stream.layout.channels), 90_001))).astype(
            np.float32
        )
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate = rate
        fitted = av.AudioResampler("fltp", layout, rate, frame_size=stream.codec_context.frame_size)
        for part in (*fitted.resample(frame), *fitted.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    return path


def test_a_track_without_an_encoders_delay_is_whole(tmp_path: Path):
    assert aac_samples(*aac_facts(video(tmp_path / "a.mp4", sound=True))) == 5 * 1024


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_aac_that_may_be_replicated_is_not_counted(tmp_path: Path, rate: int, channels: int):
    import av

    def decoded(path: Path) -> int:
        with av.open(str(path)) as container:
            return sum(frame.samples for frame in container.decode(audio=0))

    path = odd_media.write_replicated(tmp_path / "a.m4a", rate, channels, told=False)
    assert decoded(path) == 2 * 33_792
    assert probe("audio", str(path)).audio_samples == 0
    plain = odd_media.write_replicated(tmp_path / "b.m4a", rate, channels, told=True)
    assert probe("audio", str(plain)).audio_samples == decoded(plain) == 33_792
