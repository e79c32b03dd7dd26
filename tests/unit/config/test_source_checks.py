"""Entries of `sources:` that cannot be right, and what the templates are meant to be."""

from pathlib import Path
from typing import Any

import pytest

from omnitune.config.load import load
from omnitune.config.sources import SourceConfig
from omnitune.converters.templates import Templates
from omnitune.errors import PipelineError


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("base", "data/clips"):
        Path(folder).mkdir(parents=True)
    for name in ("a.jsonl", "a.json", "a.csv", "a.tsv", "a.parquet", "clips/x.wav"):
        Path("data", name).touch()


def loaded(entry: dict[str, Any], **more: Any) -> SourceConfig:
    config, _ = load({"model": {"path": "base"}, "sources": {"s": entry}, **more})
    return config.sources["s"]


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"format": "folder", "path": "data/none"}, "path: there is no folder data/none. Mend the path."),
        ({"format": "folder", "path": "data/a.csv"}, "path: there is no folder data/a.csv. Mend the path."),
        ({"format": "csv", "path": "data/none.csv"}, "path: there is no file data/none.csv. Mend the path."),
        (
            {"format": "csv", "path": "data"},
            "path: data is a folder. Name a file of rows, or set format: folder.",
        ),
        ({"format": "csv", "path": "/dev/null"}, "path: /dev/null is neither a file nor a folder. Mend the path."),
        (
            {"format": "tsv", "path": "data/a.tsv", "shards": 2},
            "shards: a tsv file cannot be parted. Set shards: 1, or write JSONL or Parquet.",
        ),
        (
            {"format": "qa", "path": "data/a.json", "shards": 2},
            "shards: a json file cannot be parted. Set shards: 1, or write JSONL or Parquet.",
        ),
        (
            {"format": "unified", "path": "data/clips", "shards": 2},
            "shards: a folder cannot be parted. Set shards: 1, or write JSONL or Parquet.",
        ),
        (
            {"format": "qa", "path": "data/a.csv", "user_template": "x"},
            "user_template: rows of the format qa have turns of their own. Remove it.",
        ),
        (
            {"format": "messages", "path": "data/a.jsonl", "assistant_template": None},
            "assistant_template: rows of the format messages have turns of their own. Remove it.",
        ),
        (
            {"format": "csv", "path": "data/a.csv", "user_template": "{txt}"},
            "user_template has the placeholder {txt}. Did you mean {text}?",
        ),
        (
            {
                "format": "unified",
                "path": "data/a.csv",
                "user_template": "{text}",
                "assistant_template": "{text}",
            },
            "assistant_template holds {text}, and so does user_template: the question would hold the answer. "
            "Take it out of one.",
        ),
    ],
)
def test_a_mistake_is_one_sentence(entry: dict[str, Any], sentence: str):
    with pytest.raises(PipelineError) as caught:
        loaded(entry)
    assert str(caught.value) == f"sources.s.{sentence}"


def test_sound_is_not_heard_twice():
    with pytest.raises(PipelineError) as caught:
        loaded({"format": "qa", "path": "data/a.csv", "extract_audio": True}, media={"audio_in_video": True})
    assert str(caught.value) == (
        "sources.s.extract_audio: with media.audio_in_video the sound of a video would be heard twice. "
        "Set one of them to false."
    )


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_what_can_be_parted_is(name: str):
    assert loaded({"format": "unified", "path": f"data/{name}", "shards": 3}).shards == 3


@pytest.mark.parametrize(
    ("keys", "templates"),
    [
        ({}, Templates()),
        ({"user_template": "Q"}, Templates("Q", "{text}")),
        ({"user_template": "{text}"}, Templates("{text}", None)),
        ({"user_template": "{text}", "assistant_template": "A"}, Templates("{text}", "A")),
        ({"assistant_template": None}, Templates(assistant=None)),
    ],
)
def test_a_text_in_the_question_is_no_answer(keys: dict[str, Any], templates: Templates):
    assert loaded({"format": "csv", "path": "data/a.csv", **keys}).templates() == templates
