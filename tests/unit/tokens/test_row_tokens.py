"""Tokens of whole rows, and what their headers must say."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from omnitune.demo.tiny_model import PREPROCESSOR
from omnitune.demo.tokenizer import write_tokenizer
from omnitune.errors import PipelineError
from omnitune.media.probe import Probe
from omnitune.records import Message, Record
from omnitune.tokens.budget import MediaBudget
from omnitune.tokens.row import RowCounter, RowTokens, media_tokens
from omnitune.tokens.unknown import Unknown

BUDGET = MediaBudget(image_max=980 * 1024, video_min=4096, video_max=49 * 1024, max_frames=12)
HEARD = MediaBudget(video_min=4096, video_max=49 * 1024, max_frames=12, audio_in_video=True)
MP4 = "mov,mp4,m4a,3gp,3g2,mj2"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_tokenizer(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))
    return folder


def row(question: str, **media: list[str]) -> Record:
    return Record("a/1", "a", 1, "t", [Message("user", question), Message("assistant", "Yes")], **media)


def test_media_add_to_the_prompt(model: Path):
    counter = RowCounter(model, BUDGET)
    image = Probe("image", "PNG", width=64, height=96)
    sound = Probe("audio", "WAV", sample_rate=16_000, frames=16_000, counted=True)
    clip = Probe("video", MP4, width=64, height=64, duration=2.0, frames=16, fps=8.0, counted=True)
    records = [row("?"), row("<image>?"), row("<image><image><audio><video>?")]
    plain, one, many = counter.count(records, [[], [image], [image, image, sound, clip]])
    assert isinstance(plain, RowTokens)
    assert one == (plain.prompt + 2 + 6, plain.answer)
    assert many == (plain.prompt + 4 * 2 + 6 + 6 + 13 + 2 * 4, plain.answer)
    assert plain.total == plain.prompt + plain.answer


def test_one_unknown_medium_makes_the_row_unknown(model: Path):
    image, film = Probe("image", "PNG", width=64, height=64), Probe("video", "matroska,webm", width=64, height=64)
    known, unknown = RowCounter(model, BUDGET).count(
        [row("<image>"), row("<image><video>")], [[image], [image, film]]
    )
    assert isinstance(known, RowTokens)
    assert str(unknown) == "matroska,webm does not count its frames"


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (Probe("video", "mpegts", 64, 64, 2.0, frames=16, fps=8.0), "does not count"),
        (Probe("video", MP4, 64, 64, 2.0, fps=8.0, counted=True), "no number of frames"),
        (Probe("video", MP4, 64, 64, frames=16, counted=True), "no number of frames or no rate"),
        (Probe("video", MP4, 48, 64, 2.0, frames=16, fps=8.0, counted=True), "decord"),
        (Probe("audio", MP4, sample_rate=16_000, frames=16_000), "does not tell exactly"),
        (Probe("audio", "MP3", sample_rate=16_000, frames=16_000), "estimate"),
        (Probe("image", "PNG", 4_001, 20), "ratio"),
    ],
)
def test_what_a_header_does_not_tell_is_unknown(probe: Probe, reason: str):
    with pytest.raises(Unknown, match=reason):
        media_tokens(probe, BUDGET)


def test_an_mp3_with_an_index_is_counted():
    assert media_tokens(Probe("audio", "MP3", sample_rate=16_000, frames=16_000, counted=True), BUDGET) == 13


def test_sound_that_only_ffmpeg_decodes_needs_its_samples():
    facts = {"sample_rate": 44_100, "audio_samples": 20_480, "channels": 2}
    assert media_tokens(Probe("audio", MP4, codec="aac", **facts), BUDGET) == 6
    with pytest.raises(Unknown, match="strings the 2 channels"):
        media_tokens(Probe("audio", MP4, codec="pcm_s16le", **facts | {"sample_rate": 16_000}), BUDGET)


def test_a_clip_that_is_heard_has_its_sound_too():
    clip = Probe(
        "video", MP4, 64, 64, 2.0, frames=16, fps=8.0, audio_rate=16_000, audio_samples=32_000, counted=True
    )
    assert media_tokens(clip, BUDGET) == 8
    assert media_tokens(clip, HEARD) == 8 + 26
    with pytest.raises(Unknown, match="length"):
        media_tokens(msgspec.structs.replace(clip, audio_samples=0), HEARD)


def test_a_clip_is_turned_before_it_is_cut():
    lying = Probe("video", MP4, 48, 640, 2.0, frames=16, fps=8.0, rotation=90, counted=True)
    assert media_tokens(lying, BUDGET) == 2 * media_tokens(Probe("image", "PNG", 640, 48), BUDGET)
    with pytest.raises(Unknown, match="48 wide"):
        media_tokens(Probe("video", MP4, 48, 640, 2.0, frames=16, fps=8.0, rotation=180, counted=True), BUDGET)


def test_a_processor_with_other_constants_is_refused(model: Path, tmp_path: Path):
    shutil.copytree(model, tmp_path / "other")
    (tmp_path / "other/preprocessor_config.json").write_text(json.dumps(PREPROCESSOR | {"patch_size": 14}))
    with pytest.raises(PipelineError, match="has patch_size 14, not Qwen3-Omni's"):
        RowCounter(tmp_path / "other", BUDGET)
