"""Tokens of sound: closed forms."""

from fractions import Fraction
from pathlib import Path

import pytest
from media_files import video
from mixed_rows import aac_facts, clip

from omnitune.tokens.audio import aac_samples, audio_tokens, resampled, resampled_stream
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


def test_a_track_without_an_encoders_delay_is_whole(tmp_path: Path):
    assert aac_samples(*aac_facts(video(tmp_path / "a.mp4", sound=True))) == 5 * 1024
