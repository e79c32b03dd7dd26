"""What is opened, frozen and adapted: what cannot be right is told before anything runs."""

from typing import Any

import pytest
from test_load import _place, config, refused  # noqa: F401 (the fixture makes the files that configs name)

from omnitune.config.load import load

Values = dict[str, Any]
OWN = "results/main/main/sft/model"


@pytest.mark.parametrize(
    ("sft", "sentence"),
    [
        (
            {"freeze_llm": True},
            "sft.freeze_llm: with freeze_vit and freeze_aligner everything is frozen, and nothing would train. "
            "Set one of them, freeze_vision or freeze_audio to false.",
        ),
        (
            {"lora": {"experts": True}},
            "sft.lora.experts: an update of experts takes no dropout, and dropout is 0.05. Set sft.lora.dropout: "
            "0, which then holds for every layer.",
        ),
        (
            {"lora": {"experts": True, "dropout": 0}, "freeze_llm": True, "freeze_vit": False},
            "sft.lora.experts: the experts belong to the text model, which freeze_llm keeps. Set one of the two "
            "to false.",
        ),
        (
            {"tuner": "full", "resume_adapter": "data"},
            "sft.resume_adapter: only LoRA trains an adapter on. Set sft.tuner: lora, or remove it.",
        ),
        (
            {"resume_adapter": "data"},
            "sft.resume_adapter: there is no adapter in data (no adapter_config.json). Name the folder of one.",
        ),
        (
            {"resume_adapter": "{a}"},
            "sft.resume_adapter: {a} holds a brace, which Snakemake takes for a wildcard. Rename it.",
        ),
        (
            {"resume_adapter": OWN},
            f"sft.resume_adapter: {OWN} is what this training makes itself. Name the adapter of another "
            "experiment or run.",
        ),
    ],
)
def test_what_cannot_be_right_is_told(sft: Values, sentence: str):
    assert refused(config(run="main", sft=sft)) == [sentence]


@pytest.mark.parametrize(
    "sft",
    [
        {"freeze_llm": True, "freeze_audio": False},
        {"lora": {"experts": True, "dropout": 0}},
        {"tuner": "full", "lora": {"experts": True}},
        {"resume_adapter": "results/main/other/sft/model"},
    ],
)
def test_what_can_be_is_taken(sft: Values):
    load(config(run="main", sft=sft))


def test_grpo_trains_on_an_adapter_of_the_same_layers():
    source = {"format": "messages", "path": "data/a.jsonl", "use": ["sft", "grpo", "eval"]}
    base = config(sources={"a": source}, sft={"freeze_audio": False}, grpo={"enabled": True})
    _, (experiment,) = load(base)
    assert experiment.grpo.freeze_audio is False
    assert refused(base | {"grpo": {"enabled": True, "freeze_audio": True}}) == [
        "grpo.freeze_audio is not sft's, but grpo trains sft's adapter on. Remove it here, or set "
        "grpo.start_from: base."
    ]
