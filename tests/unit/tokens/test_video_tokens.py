"""Tokens of clips: closed forms."""

import pytest

from omnitune.tokens.budget import MediaBudget
from omnitune.tokens.unknown import Unknown
from omnitune.tokens.video import sampled_frames, video_tokens

BUDGET = MediaBudget(video_min=4096, video_max=49 * 1024, max_frames=12)


@pytest.mark.parametrize(
    ("frames", "fps", "taken"),
    [
        (300, 30.0, 12),  # 20 wanted, 12 allowed
        (90, 30.0, 6),
        (89, 30.0, 4),  # 5.93 wanted
        (60, 30.0, 4),
        (10, 30.0, 4),  # at least 4
        (3, 30.0, 2),  # of 3 a pair
        (2, 8.0, 2),
        (5, 0.5, 4),  # 20 wanted, 5 there
        (131, 24_000 / 1001, 10),
    ],
)
def test_frames_are_taken_in_pairs_two_a_second(frames: int, fps: float, taken: int):
    assert sampled_frames(frames, fps, BUDGET) == taken


def test_one_frame_is_unknown():
    with pytest.raises(Unknown, match="1 frames"):
        sampled_frames(1, 25.0, BUDGET)


def test_a_pair_of_frames_is_one_grid():
    assert video_tokens(64, 64, 90, 30.0, BUDGET) == 3 * 2 * 2
    assert video_tokens(640, 360, 300, 30.0, BUDGET) == 6 * 5 * 9


def test_the_minimum_wins_over_the_maximum():
    asked = MediaBudget(video_max=49 * 1024)
    assert asked.frame_max(2) == 137_625
    assert video_tokens(64, 64, 8, 8.0, asked) == 2 * 12 * 12
    assert video_tokens(1280, 720, 8, 8.0, asked) == 2 * 8 * 15


def test_many_frames_share_the_total():
    many = MediaBudget()
    assert many.frame_max(300) == 768 * 1024
    assert many.frame_max(768) == 128_000 * 1024 * 0.9 / 768 * 2
    assert video_tokens(1920, 1080, 768, 2.0, many) == 384 * 12 * 23


@pytest.mark.parametrize("width", [16, 24, 48, 72])
def test_widths_that_decord_cannot_read_are_unknown(width: int):
    with pytest.raises(Unknown, match="decord"):
        video_tokens(width, 64, 8, 8.0, BUDGET)
    assert video_tokens(width + 2, 64, 8, 8.0, BUDGET) > 0
