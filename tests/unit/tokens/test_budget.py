"""What the media contract comes to."""

from typing import Any

import pytest

from omnitune.config.media import MediaConfig
from omnitune.swift_args import media_environment
from omnitune.tokens.budget import MediaBudget, Setting, effective_budget

READERS = {"FORCE_QWENVL_VIDEO_READER": "decord", "SWIFT_AUDIO_LOAD_BACKEND": "soundfile_pyav"}


def table(env: dict[str, str] | None = None, **media: Any) -> dict[str, Setting]:
    config = MediaConfig(**media)
    rows = effective_budget(config, media_environment(config) | (env or {}))
    return {row.setting.removeprefix("media."): row for row in rows}


def test_the_contract_that_we_write():
    media = MediaConfig(image_max_pixels=1003520, video_max_pixels=50176, video_max_frames=12, audio_in_video=True)
    assert MediaBudget.of(media_environment(media)) == MediaBudget(
        image_max=1003520, video_min=4096, video_max=50176, max_frames=12, audio_in_video=True
    )


def test_pixels_count_only_where_tokens_are_not_set():
    assert MediaBudget.of(READERS | {"VIDEO_MAX_PIXELS": "50176", "MAX_PIXELS": "5000"}).video_max == 50176
    assert MediaBudget.of(READERS | {"MAX_PIXELS": "5000"}).image_max == 4096
    assert MediaBudget.of(READERS | {"MAX_PIXELS": "5000", "IMAGE_MAX_TOKEN_NUM": "9"}).image_max == 9216


def test_nothing_set_is_the_readers_own_default():
    assert MediaBudget.of(READERS) == MediaBudget()


def test_every_variable_of_the_readers_is_taken():
    env = {
        "IMAGE_MIN_TOKEN_NUM": "9", "VIDEO_MIN_PIXELS": "8192", "MODEL_SEQ_LEN": "1e3", "FPS": "1.5",
        "FPS_MIN_FRAMES": "6", "FPS_MAX_FRAMES": "8", "SAMPLING_RATE": "8000", "USE_AUDIO_IN_VIDEO": "1",
    }  # fmt: skip
    assert MediaBudget.of(READERS | env) == MediaBudget(
        image_min=9216, video_min=8192, video_total=1000 * 1024 * 0.9, fps=1.5, min_frames=6, max_frames=8,
        sampling_rate=8000, audio_in_video=True,
    )  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_other_readers_are_refused(name: str):
    with pytest.raises(ValueError, match=name):
        MediaBudget.of(READERS | {name: "librosa"})
    with pytest.raises(ValueError, match=name):
        MediaBudget.of({key: value for key, value in READERS.items() if key != name})


def test_every_wish_of_the_defaults_comes_true():
    rows = table()
    assert all(row.holds for row in rows.values())
    assert list(rows) == [
        "image_max_pixels", "video_max_pixels", "video_max_frames", "sampling_rate", "audio_in_video",
    ]  # fmt: skip
    assert {row.effective for row in rows.values()} == {1003520, 50176, 12, 16000, False}
    assert rows["image_max_pixels"].note == "An image is at most 980 tokens of 32 x 32 pixels."
    assert rows["video_max_pixels"].note == (
        "A pair of frames is at most 49 tokens, a clip 6 times that, 294. VIDEO_MAX_PIXELS=50176 alone would have"
        " meant 137,625 pixels, because a minimum of 128 tokens wins over it; so the minimum is lowered too."
    )


def test_without_the_lowered_minimum_the_wish_would_not_come_true():
    row = table({"VIDEO_MIN_TOKEN_NUM": "128"})["video_max_pixels"]
    assert (row.asked, row.effective, row.holds) == (50176, 134 * 1024, False)
    assert "More than asked: a minimum of 131072 pixels a frame wins. Lower VIDEO_MIN_TOKEN_NUM." in row.note


def test_whole_tokens_and_pairs_are_less_than_asked_but_no_broken_wish():
    rows = table(image_max_pixels=1_000_000, video_max_pixels=4_200, video_max_frames=7)
    assert (rows["image_max_pixels"].effective, rows["image_max_pixels"].holds) == (976 * 1024, True)
    assert (rows["video_max_pixels"].effective, rows["video_max_pixels"].holds) == (4096, True)
    assert (rows["video_max_frames"].effective, rows["video_max_frames"].holds) == (6, True)
    assert rows["video_max_frames"].note.endswith("Frames are taken in pairs.")


def test_another_rate_cannot_come_true():
    row = table(sampling_rate=8000)["sampling_rate"]
    assert (row.effective, row.holds) == (8000, False)
    assert row.note == (
        "The encoder takes every sound for one of 16000 Hz and would hear this one 2 times as fast."
        " Set it to 16000."
    )


def test_a_clips_total_is_named_where_it_binds():
    row = table(video_max_pixels=786_432, video_max_frames=768)["video_max_pixels"]
    assert (row.effective, row.holds) == (300 * 1024, True)
    assert row.note.endswith("With 768 frames a clip's total leaves no more.")
    assert "alone" not in row.note
