"""Lengths between the gate and the trainings: what does not go together is told before anything runs."""

from typing import Any

import pytest
from test_load import _place, config, refused  # noqa: F401 (the fixture makes the files that configs name)

from omnitune.config.load import load

Values = dict[str, Any]
FLASH = {"attn_impl": "flash_attention_2"}
WARN = {"policy": {"E057": "warn"}}
STOPS = (
    "validate.policy.E057: rows longer than {0}.max_length go on to training, which would stop at the first. "
    "Set {0}.swift.truncation_strategy to left or right, which cuts them, or E057 to reject."
)
UNKNOWN = (
    "validate.lengths is false, so the lengths that sft.group_by_length and sft.packing go by are not known. "
    "Set it to true."
)
GPUS_ONLY = (
    "sft.{} needs a flash attention implementation, and with device: cpu there is none. Remove it; "
    "sft.group_by_length saves most of the padding too."
)
ANOTHER = "sft.{} needs a flash attention implementation, and sft.swift.attn_impl is sdpa. Remove one of the two."


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        ({"validate": WARN}, [STOPS.format("sft")]),
        ({"validate": WARN, "sft": {"swift": {"truncation_strategy": "delete"}}}, [STOPS.format("sft")]),
        ({"validate": {"lengths": False}, "sft": {"group_by_length": True}}, [UNKNOWN]),
        ({"device": "cpu", "sft": {"packing": True}}, [GPUS_ONLY.format("packing")]),
        ({"device": "cpu", "sft": {"padding_free": True}}, [GPUS_ONLY.format("padding_free")]),
        ({"sft": {"packing": True, "swift": {"attn_impl": "sdpa"}}}, [ANOTHER.format("packing")]),
        ({"sft": {"padding_free": True, "swift": {"attn_impl": "sdpa"}}}, [ANOTHER.format("padding_free")]),
        (
            {"sft": {"packing": True, "group_by_length": True, "swift": FLASH}},
            ["sft.group_by_length: packed rows are of about one length. Set it or packing to false."],
        ),
    ],
)
def test_what_does_not_go_together_is_told(values: Values, sentences: list[str]):
    assert refused(config(**values)) == sentences


@pytest.mark.parametrize(
    "values",
    [
        {"validate": WARN, "sft": {"swift": {"truncation_strategy": "left"}}},
        {"validate": {"policy": {"E057": "fail"}}},
        # Nothing is counted, so nothing is let pass.
        {"validate": WARN | {"lengths": False}},
        {"device": "cpu", "sft": {"group_by_length": True}},
        {"sft": {"packing": True, "swift": FLASH}},
        # Whether the environment has one is asked where the arguments are written.
        {"sft": {"packing": True}},
        {"sft": {"padding_free": "auto", "swift": {"attn_impl": "sdpa"}}},
        {"device": "cpu", "sft": {"padding_free": False}},
        {"validate": {"lengths": False}},
    ],
)
def test_what_goes_together_is_taken(values: Values):
    load(config(**values))


def test_prompts_are_cut_by_ms_swift_itself_unless_it_is_told_to_drop_them():
    source = {"format": "messages", "path": "data/a.jsonl", "use": ["grpo", "eval"]}
    base = config(sources={"a": source}, validate=WARN, sft={"enabled": False})
    grpo = {"enabled": True, "start_from": "base"}
    load(base | {"grpo": grpo})
    told = refused(base | {"grpo": grpo | {"swift": {"truncation_strategy": "delete"}}})
    assert told == [STOPS.format("grpo")]


def test_an_experiments_own_mistake_is_told_at_its_place():
    told = refused(config(device="cpu", experiments={"a": {}, "b": {"sft": {"packing": True}}}))
    assert told == ["experiments.b." + GPUS_ONLY.format("packing")]


def test_the_demos_own_training_cannot_go_by_length():
    told = refused(config(device="cpu", demo={"pretrain": {"group_by_length": True}}))
    assert told == [
        "demo.pretrain: its rows are not counted, so it cannot go by their length. "
        "Remove group_by_length and packing."
    ]
