"""Rows are counted at the gate: what is too long is kept out, what cannot be counted is said."""

import json
from pathlib import Path

import odd_media
import pytest
from media_files import wav

from omnitune.config.media import MediaConfig
from omnitune.config.validate import ValidateConfig
from omnitune.demo.tiny_model import PREPROCESSOR
from omnitune.demo.tokenizer import write_tokenizer
from omnitune.records import LedgerRow, Message, Record
from omnitune.validation.lengths import LengthCheck
from omnitune.validation.validate import Gate


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_tokenizer(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))
    (folder / "config.json").write_text("{}")
    return folder


def judged(model: Path, sound: Path, media: str = "header", **limits: int) -> tuple[LedgerRow, Record | None]:
    turns = [Message("user", "<audio>Why?"), Message("assistant", "So.")]
    row = Record("s/1", "s", 1, "t", turns, audios=[str(sound)])
    check = LengthCheck(model, MediaConfig(), limits)
    with Gate("d.jsonl", ["sft"], ValidateConfig(media=media), lengths=check) as gate:
        (verdict,) = gate.judge([row])
    return verdict.ledger, verdict.record


def test_a_row_has_its_length_up_to_the_limit(model: Path, tmp_path: Path):
    sound = wav(tmp_path / "a.wav", 10)
    _, record = judged(model, sound)
    assert record is not None
    assert record.facts is not None
    length = record.facts.tokens
    assert length > 130
    assert judged(model, sound, sft=length)[0].verdict == "accepted"
    ledger, _ = judged(model, sound, sft=length - 1)
    assert (ledger.verdict, ledger.codes) == ("rejected", ["E057"])
    assert f"the row has {length} tokens, sft.max_length is {length - 1}" in ledger.message
    # The answer is no part of what a rollout is given.
    assert judged(model, sound, grpo=length - record.facts.answer_tokens)[0].verdict == "accepted"


def test_a_length_that_decoding_alone_tells_is_said_to_be_unknown(model: Path, tmp_path: Path):
    sound = odd_media.write_sound(tmp_path / "a.mka", "libopus", 48_000, 1, "matroska", {})
    ledger, record = judged(model, sound, sft=1)
    assert (ledger.verdict, ledger.codes) == ("accepted", ["E223"])
    assert "the sound of matroska,webm is of a length that the header does not tell exactly" in ledger.message
    assert record is not None
    assert record.facts is not None
    assert record.facts.tokens == 0


@pytest.mark.parametrize("media", ["header", "hash", "decode"])
def test_a_length_is_known_once_the_sound_is_decoded(model: Path, tmp_path: Path, media: str):
    files = [
        odd_media.write_sound(tmp_path / "a.mka", "libopus", 48_000, 1, "matroska", {}),
        odd_media.write_replicated(tmp_path / "b.m4a", 16_000, 1, told=False),
        odd_media.write_sound(tmp_path / "c.mp4", "libmp3lame", 44_100, 1, "mp4", {}),
    ]
    for file in files:
        ledger, record = judged(model, file, media)
        assert record
        assert record.facts
        assert (record.facts.tokens > 0, "E223" in ledger.codes) == (
            (True, False) if media == "decode" else (False, True)
        )
        if media == "decode":
            assert judged(model, file, media, sft=record.facts.tokens - 1)[0].codes[-1:] == ["E057"]
