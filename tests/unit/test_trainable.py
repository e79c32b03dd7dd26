"""The contract's arithmetic: what the settings mean in parameters, and what names of parameters belong to."""

import pytest

from omnitune import model_parts, recipes, trainable
from omnitune.config.sft import SftConfig
from omnitune.model_parts import Shapes

LAYER = "thinker.model.layers.0"
SHAPES = Shapes(
    linear={
        "llm": {f"{LAYER}.self_attn.q_proj": [64, 32]},
        "vision": {"thinker.visual.blocks.0.attn.qkv": [30, 10]},
        "audio": {"thinker.audio_tower.layers.0.fc1": [8, 4]},
        "aligner": {"thinker.visual.merger.mlp.0": [2, 1]},
    },
    experts={f"{LAYER}.mlp.experts": [4, 16, 32]},
    parameters={"llm attention": 5, "llm experts": 6, "llm other": 7, "vision": 8, "audio": 9, "aligner": 10}
    | {"speech": 11},
)


def expected(**keys) -> dict[str, int]:
    settings = recipes.fill_sft(SftConfig(**keys), recipe="seed", gpu_memory_gib=80, device="cuda")
    return trainable.expected(settings, SHAPES)


@pytest.mark.parametrize(
    ("keys", "parts"),
    [
        ({}, {"llm attention": 8 * 96}),
        ({"lora": {"rank": 2}}, {"llm attention": 2 * 96}),
        ({"freeze_vit": False}, {"llm attention": 8 * 96, "vision": 8 * 40, "audio": 8 * 12}),
        ({"freeze_audio": False, "freeze_llm": True}, {"audio": 8 * 12}),
        # Of 4 experts each: gate and up of 32 -> 32, down of 16 -> 32.
        ({"lora": {"rank": 2, "experts": True, "dropout": 0}},
         {"llm attention": 2 * 96, "llm experts": 2 * 4 * (32 + 32 + 16 + 32)}),
        ({"tuner": "full"}, {"llm attention": 5, "llm experts": 6, "llm other": 7}),
        ({"tuner": "full", "freeze_llm": True, "freeze_vision": False, "freeze_aligner": False},
         {"vision": 8, "aligner": 10}),
    ],
)  # fmt: skip
def test_settings_in_parameters(keys, parts):
    assert expected(**keys) == parts


@pytest.mark.parametrize(
    ("name", "part"),
    [
        (f"{LAYER}.self_attn.q_norm.weight", "llm attention"),
        (f"{LAYER}.mlp.experts.7.down_proj.weight", "llm experts"),
        (f"{LAYER}.mlp.experts.gate_up_proj", "llm experts"),
        (f"{LAYER}.mlp.gate.weight", "llm other"),
        ("thinker.lm_head.weight", "llm other"),
        ("thinker.visual.patch_embed.proj.weight", "vision"),
        ("thinker.visual.merger_list.0.ln_q.weight", "aligner"),
        ("thinker.audio_tower.proj2.bias", "aligner"),
        ("thinker.audio_tower.conv_out.weight", "audio"),
        ("talker.model.layers.0.self_attn.q_proj.weight", "speech"),
        ("code2wav.decoder.0.conv.weight", "speech"),
    ],
)
def test_the_part_that_a_tensor_belongs_to(name: str, part: str):
    assert model_parts.part(name) == part
    prefixed = [(f"base_model.model.{name}".replace(".weight", ".lora_A.default.weight"), (3, 2)), (name, (5,))]
    assert trainable.found(prefixed) == {part: 11}


def test_the_30b_at_rank_8_is_what_was_measured():
    """Text attention alone of 48 layers: 6,684,672, of which no tower is a part."""
    sizes = {"q_proj": [4096, 2048], "k_proj": [512, 2048], "v_proj": [512, 2048], "o_proj": [2048, 4096]}
    llm = {f"thinker.model.layers.{n}.self_attn.{name}": size for n in range(48) for name, size in sizes.items()}
    shapes = Shapes({**SHAPES.linear, "llm": llm}, {}, SHAPES.parameters)
    settings = recipes.fill_sft(SftConfig(), recipe="seed", gpu_memory_gib=80, device="cuda")
    assert trainable.expected(settings, shapes) == {"llm attention": 6_684_672}


def test_what_trains_is_told_beside_what_does_not():
    told = trainable.table({"llm attention": 6_684_672}, SHAPES.parameters).splitlines()
    assert told[:3] == ["Trainable parameters:", "  llm attention 6,684,672", "  llm experts      frozen"]
    assert told[-1] == "  in all        6,684,672"
    assert trainable.table({"vision": 5}).splitlines() == [
        "Trainable parameters:",
        "  vision        5",
        "  in all        5",
    ]


def test_a_difference_is_told_part_by_part():
    assert trainable.difference({"vision": 5, "audio": 2}, {"vision": 5, "llm other": 1000}) == [
        "llm other: 1,000 train, the settings mean 0",
        "audio: 0 train, the settings mean 2",
    ]
    assert trainable.difference({"vision": 5}, {"vision": 5}) == []
