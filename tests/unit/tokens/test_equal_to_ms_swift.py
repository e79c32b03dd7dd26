"""Every count against the real ms-swift, transformers, decord and resampler.

`make test` holds a few rows under the default contract; OMNITUNE_FULL=1 takes more, under every contract, which
costs a start of ms-swift each.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import odd_media
import pytest
from good_media import GOOD
from media_files import write_jsonl
from mixed_rows import WORDS, clip, rows

from omnitune.config.media import MediaConfig
from omnitune.config.validate import ValidateConfig
from omnitune.media.inspect import Inspector
from omnitune.media.mend_video import mend_video
from omnitune.media.probe import probe
from omnitune.media.sound import unscaled
from omnitune.records import read_records
from omnitune.swift_args import media_environment
from omnitune.tokens.audio import resampled, resampled_stream
from omnitune.tokens.budget import MediaBudget
from omnitune.tokens.row import RowCounter, media_tokens
from omnitune.tokens.text import load_tokenizer
from omnitune.tokens.unknown import Unknown

pytestmark = pytest.mark.swift

FULL = os.environ.get("OMNITUNE_FULL") == "1"
full_only = pytest.mark.skipif(not FULL, reason="OMNITUNE_FULL=1 runs it")
ENCODER = Path(__file__).parents[2] / "encode_rows.py"


def encoded(model: Path, file: Path, env: dict[str, str]) -> list[Any]:
    """[prompt, trained] of each row by ms-swift, or its error as text."""
    environment = {
        **os.environ, **env, "HF_HUB_OFFLINE": "1", "USE_HF": "1", "MODELSCOPE_CACHE": str(file.parent / "cache"),
    }  # fmt: skip
    command = [sys.executable, ENCODER, model, file]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("[", '"'))]


def compare(model: Path, file: Path, env: dict[str, str], level: str = "header") -> list[Any]:
    """Hold all rows of the file against ms-swift; returns our own counts."""
    records = list(read_records(file))
    with Inspector(ValidateConfig(media=level)) as inspector:
        seen = [inspector.inspect(list(record.media())) for record in records]
    media = [[found.probe for found in row if found.probe] for row in seen]
    counted = RowCounter(model, MediaBudget.of(env)).count(records, media)
    theirs = encoded(model, file, env)
    assert len(theirs) == len(records)
    differing = [
        (record.id, ours, their)
        for record, ours, their in zip(records, counted, theirs, strict=True)
        if (not isinstance(their, str) if isinstance(ours, Unknown) else list(ours) != their)
    ]
    assert differing == []
    return counted


HEARD = MediaConfig(
    image_max_pixels=90_000, video_max_pixels=200_000, video_max_frames=7, audio_in_video=True
)  # fmt: skip
FEW = {"VIDEO_MIN_TOKEN_NUM": "128", "MODEL_SEQ_LEN": "700", "FPS": "3"}
# (the contract, number of rows, variables besides)
CONTRACTS = {
    "default": (MediaConfig(), 110 if FULL else 24, {}),
    "heard": (HEARD, 70, {}),
    "smallest": (MediaConfig(image_max_pixels=4096, video_max_pixels=4096, video_max_frames=2), 30, {}),
    "minimum": (MediaConfig(sampling_rate=8000), 20, FEW),
}


@pytest.mark.parametrize(
    "name", ["default", *(pytest.param(name, marks=full_only) for name in CONTRACTS if name != "default")]
)
def test_rows_of_every_kind_are_counted_as_ms_swift_encodes_them(name: str, tiny_model: Path, tmp_path: Path):
    media, number, more = CONTRACTS[name]
    made = rows(tmp_path / "media", number, seed=number, sound=media.audio_in_video, guessed=True)
    file = write_jsonl(tmp_path / "rows.jsonl", made)
    counted = compare(tiny_model, file, media_environment(media) | more)
    # Flat images come out too flat for few pixels: ms-swift fails on them, and there is nothing to count.
    unknown = sum(isinstance(count, Unknown) for count in counted)
    assert unknown == 0 if name in ("default", "minimum") else unknown < number / 2


@full_only
def test_odd_clips_are_counted_as_ms_swift_encodes_them(tiny_model: Path, tmp_path: Path):
    """Variable frame rates, and frames that lie on their side."""
    chance = random.Random(3)
    clips = []
    for number in range(12):
        pace = [0]
        for _ in range(chance.randint(10, 140)):
            pace.append(pace[-1] + chance.randint(1000, 9000))
        clips.append(clip(tmp_path / f"{number}.mp4", len(pace), (80 + 2 * number, 250), Fraction(30), pace=pace))
    for path in clips[:4]:
        turn(path)
    lines = [
        {"id": f"a/{number}", "source": "a", "line": 1, "task": "t", "videos": [str(path)],
         "messages": [{"role": "user", "content": "<video>"}, {"role": "assistant", "content": "Yes"}]}
        for number, path in enumerate(clips)
    ]  # fmt: skip
    file = write_jsonl(tmp_path / "rows.jsonl", lines)
    env = media_environment(MediaConfig(video_max_pixels=300_000, video_max_frames=100))
    counted = compare(tiny_model, file, env)
    assert len({count.total for count in counted}) >= 5


def turn(path: Path) -> None:
    """Write into the header that the pictures are to be turned by 90 degrees."""
    import struct

    content = bytearray(path.read_bytes())
    struct.pack_into(">5i", content, content.index(b"tkhd") + 44, 0, 0x10000, 0, -0x10000, 0)
    path.write_bytes(content)


def test_other_containers_are_counted_as_ms_swift_encodes_them(tiny_model: Path, tmp_path: Path):
    media = [("audios", path) for path in odd_media.sounds(tmp_path)]
    media += [("videos", odd_media.write_clip(tmp_path / name, *form)) for name, *form in odd_media.CLIPS]
    lines = [
        {"id": f"a/{number}", "source": "a", "line": 1, "task": "t", column: [str(path)],
         "messages": [{"role": "user", "content": f"<{column[:-1]}>"}, {"role": "assistant", "content": "Yes"}]}
        for number, (column, path) in enumerate(media)
    ]  # fmt: skip
    file = write_jsonl(tmp_path / "rows.jsonl", lines)
    counted = compare(tiny_model, file, media_environment(MediaConfig(video_max_frames=100)))
    unknown = [path.name for (_, path), count in zip(media, counted, strict=True) if isinstance(count, Unknown)]
    assert unknown == []


@pytest.mark.parametrize("name", [entry[0] for entry in odd_media.MISREAD])
def test_ms_swift_misreads_what_is_said_to_be_misread(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import numpy as np
    from swift.template.vision_utils import load_audio

    monkeypatch.setenv("SWIFT_AUDIO_LOAD_BACKEND", "soundfile_pyav")
    form = next(entry[1:] for entry in odd_media.MISREAD if entry[0] == name)
    path = odd_media.write_sound(tmp_path / name, *form)
    assert "E240" in [finding.code for finding in probe("audio", str(path)).findings]
    try:
        loudest = float(np.abs(load_audio(str(path), 16000)).max())
    except Exception:  # whatever stops it
        return
    assert loudest > 100


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "flac"), ("a.mp4", "alac"), ("a.mkv", "pcm_s16le"), ("a.mp4", "aac"), ("a.mkv", "flac")],
)
@pytest.mark.parametrize("rate", [16000, 48000])
def test_ms_swift_misreads_sound_of_a_video_as_it_does_sound_alone(
    name: str, codec: str, rate: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import numpy as np
    from swift.template.vision_utils import load_audio

    monkeypatch.setenv("SWIFT_AUDIO_LOAD_BACKEND", "soundfile_pyav")
    path = odd_media.write_film(tmp_path / name, codec, rate)
    found = probe("video", str(path))
    loudest = float(np.abs(load_audio(str(path), 16000)).max())
    assert (loudest > 100) == bool(unscaled(found.audio_codec, found.audio_rate))
    mend_video(str(path), ["E240"], tmp_path / "made.mp4", 60.0)
    heard = load_audio(str(tmp_path / "made.mp4"), 16000)
    assert float(np.sqrt(np.mean(heard**2))) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


@pytest.mark.parametrize("name", [entry[0] for entry in odd_media.UNREAD])
def test_decord_fails_on_what_is_said_to_be_unread_and_reads_what_is_made_of_it(name: str, tmp_path: Path):
    import decord

    form = next(entry[1:] for entry in odd_media.UNREAD if entry[0] == name)
    path = odd_media.write_clip(tmp_path / name, *form)
    found = probe("video", str(path))
    assert "E242" in [finding.code for finding in found.findings]
    with pytest.raises(decord.DECORDError):
        decord.VideoReader(str(path)).get_batch([0, found.frames - 1])
    mend_video(str(path), ["E242"], tmp_path / "made.mp4", 60.0)
    made = probe("video", str(tmp_path / "made.mp4"))
    assert (made.width, made.height, made.frames) == (160, 96, found.frames)
    read = decord.VideoReader(str(tmp_path / "made.mp4"))
    assert read.get_batch([0, len(read) - 1]).shape == (2, 96, 160, 3)


@pytest.mark.parametrize("width", [16, 20, 24, 32, 40, 48, 56, 64, 72, 80, 96, 104])
def test_decord_reads_exactly_the_widths_that_are_counted(width: int, tmp_path: Path):
    import decord

    path = clip(tmp_path / "a.mp4", 4, (width, 64), Fraction(8))
    try:
        readable = decord.VideoReader(str(path)).get_batch([0, 3]).shape == (2, 64, width, 3)
    except decord.DECORDError:
        readable = False
    try:
        counted = media_tokens(probe("video", str(path)), MediaBudget()) > 0
    except Unknown:
        counted = False
    assert counted == readable


@pytest.mark.parametrize(
    "rate", [4000, 7999, 8000, 11025, 12000, 16001, 22050, 24000, 32000, 37800, 44100, 48000, 88200, 96000, 192000]
)
@pytest.mark.parametrize("wanted", [16000, 8000])
def test_samples_after_resampling(rate: int, wanted: int):
    import numpy as np
    from swift.template.vision_utils import _resample_audio_pyav

    chance = random.Random(rate + wanted)
    for samples in [
        *(chance.randint(rate // 40, 2000 + rate // 10) for _ in range(25)),
        chance.randint(10**5, 10**6),
    ]:
        sound = _resample_audio_pyav(np.zeros(samples, np.float32), orig_sr=rate, target_sr=wanted)
        assert resampled(samples, rate, wanted) == len(sound), samples


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_samples_of_the_sound_of_a_clip(rate: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from swift.template.vision_utils import load_audio

    monkeypatch.setenv("SWIFT_AUDIO_LOAD_BACKEND", "soundfile_pyav")
    for frames in (4, 37, 201):
        path = clip(tmp_path / f"{frames}.mp4", frames, (64, 48), Fraction(25), rate)
        samples = probe("video", str(path)).audio_samples
        assert resampled_stream(samples, rate, 16000) == len(load_audio(str(path), 16000))


@pytest.mark.parametrize("whole", [True, False], ids=["tokenizer.json", "vocab.json"])
def test_the_tokenizer_is_transformers_own(whole: bool, tiny_model: Path, tmp_path: Path):
    from transformers import AutoTokenizer

    for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "config.json", "tokenizer.json"):
        if whole or name != "tokenizer.json":
            shutil.copy(tiny_model / name, tmp_path)
    theirs, ours = AutoTokenizer.from_pretrained(tmp_path), load_tokenizer(tmp_path)
    chance = random.Random(1)
    special = [*theirs.get_added_vocab(), "\n", "\r\n", "  ", "\u00a0", "ﬁ", "e\u0301", "한국어", "\u200d", "'LL"]
    texts = [
        chance.choice(("", " ", "\n")).join(chance.choices([*WORDS, *special], k=chance.randint(1, 25)))
        for _ in range(500)
    ]
    expected = theirs(texts, add_special_tokens=False)["input_ids"]
    found = ours.encode_batch_fast(texts, add_special_tokens=False)
    assert [[ours.id_to_token(token) for token in text.ids] for text in found] == [
        theirs.convert_ids_to_tokens(text) for text in expected
    ]


def test_clips_with_pauses_are_counted_as_ms_swift_encodes_them(tiny_model: Path, tmp_path: Path):
    clips = [good.make(tmp_path) for good in GOOD if good.name.startswith(("video-pause", "video-slow"))]
    lines = [
        {"id": f"a/{number}", "source": "a", "line": 1, "task": "t", "videos": [str(path)],
         "messages": [{"role": "user", "content": "<video>"}, {"role": "assistant", "content": "Yes"}]}
        for number, path in enumerate(clips)
    ]  # fmt: skip
    file = write_jsonl(tmp_path / "rows.jsonl", lines)
    counted = compare(tiny_model, file, media_environment(MediaConfig(video_max_frames=100)))
    unknown = [path.name for path, count in zip(clips, counted, strict=True) if isinstance(count, Unknown)]
    assert unknown == []


def test_sound_that_was_decoded_is_counted_as_ms_swift_encodes_it(tiny_model: Path, tmp_path: Path):
    sounds = [
        odd_media.write_sound(tmp_path / name, *form)
        for name, *form in (
            ("a.mka", "libopus", 48_000, 2, "matroska", {}),
            ("a.webm", "libopus", 16_000, 1, "webm", {}),
            ("b.mka", "aac", 44_100, 1, "matroska", {}),
            ("c.mka", "flac", 44_100, 1, "matroska", {}),
            ("d.mp4", "libopus", 48_000, 1, "mp4", {}),
            ("e.mp4", "libmp3lame", 44_100, 2, "mp4", {}),
            ("f.mp4", "aac", 24_000, 1, "mp4", {}),
        )
    ]
    sounds += [
        odd_media.write_replicated(tmp_path / f"{rate}.{channels}.m4a", rate, channels, told=False)
        for rate in (8_000, 16_000, 22_050)
        for channels in (1, 2)
    ]
    lines = [
        {"id": f"a/{number}", "source": "a", "line": 1, "task": "t", "audios": [str(path)],
         "messages": [{"role": "user", "content": "<audio>"}, {"role": "assistant", "content": "Yes"}]}
        for number, path in enumerate(sounds)
    ]  # fmt: skip
    file = write_jsonl(tmp_path / "rows.jsonl", lines)
    counted = compare(tiny_model, file, media_environment(MediaConfig()), level="decode")
    assert [path.name for path, count in zip(sounds, counted, strict=True) if isinstance(count, Unknown)] == []


def test_sound_of_videos_that_was_decoded_is_counted_as_ms_swift_encodes_it(tiny_model: Path, tmp_path: Path):
    forms = [("a.mkv", "aac", 48_000), ("a.webm", "libopus", 48_000), ("b.mkv", "libmp3lame", 44_100)]
    forms += [("c.mp4", "libopus", 48_000), ("d.mp4", "aac", 16_000), ("e.mkv", "flac", 44_100)]
    clips = [odd_media.write_film(tmp_path / name, codec, rate) for name, codec, rate in forms]
    lines = [
        {"id": f"a/{number}", "source": "a", "line": 1, "task": "t", "videos": [str(path)],
         "messages": [{"role": "user", "content": "<video>"}, {"role": "assistant", "content": "Yes"}]}
        for number, path in enumerate(clips)
    ]  # fmt: skip
    file = write_jsonl(tmp_path / "rows.jsonl", lines)
    counted = compare(tiny_model, file, media_environment(MediaConfig(audio_in_video=True)), level="decode")
    assert [path.name for path, count in zip(clips, counted, strict=True) if isinstance(count, Unknown)] == []
