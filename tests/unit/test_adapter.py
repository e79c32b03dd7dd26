"""An adapter that a training goes on from: of the shape and the base that the settings mean, or refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from weight_files import write_safetensors

from omnitune import adapter, recipes
from omnitune.config.sft import SftConfig
from omnitune.errors import PipelineError
from omnitune.model_parts import Shapes

QUERY, TOWER, EXPERTS = (
    "thinker.model.layers.0.self_attn.q_proj",
    "thinker.visual.blocks.0.attn.qkv",
    "thinker.model.layers.0.mlp.experts",
)
SHAPES = Shapes(
    {"llm": {QUERY: [4, 2]}, "vision": {TOWER: [3, 2]}, "audio": {}, "aligner": {}}, {EXPERTS: [2, 3, 4]}, {}
)
OF_LAYER = {QUERY: ([8, 2], [4, 8])}
# peft wraps gate and up first: they lie behind one base_layer more.
OF_EXPERTS = {f"{EXPERTS}.base_layer": ([16, 4], [6, 16]), EXPERTS: ([16, 3], [4, 16])}


def write(folder: Path, pairs: dict[str, Any], **config: Any) -> adapter.Adapter:
    tensors = {
        f"base_model.model.{module}.lora_{side}.weight": ("F32", shape, bytes(4 * shape[0] * shape[1]))
        for module, pair in pairs.items()
        for side, shape in zip("AB", pair, strict=True)
    }
    write_safetensors(folder / adapter.WEIGHTS, tensors)
    if EXPERTS in pairs:
        config["target_parameters"] = [f"{EXPERTS}.gate_up_proj", f"{EXPERTS}.down_proj"]
    (folder / adapter.CONFIG).write_text(json.dumps({"peft_type": "LORA", "r": 8, "lora_alpha": 32} | config))
    return adapter.read(folder)


def settings(**keys: Any) -> SftConfig:
    return recipes.fill_sft(SftConfig(**keys), recipe="seed", gpu_memory_gib=80, device="cuda")


def test_what_an_adapter_changes(tmp_path: Path):
    found = write(tmp_path, OF_LAYER | OF_EXPERTS, use_rslora=True)
    assert (found.rank, found.scaling) == (8, 32 / 8**0.5)
    assert {name: [a.shape, b.shape] for name, (a, b) in (found.layers | found.experts).items()} == {
        QUERY: [(8, 2), (4, 8)],
        f"{EXPERTS}.gate_up_proj": [(16, 4), (6, 16)],
        f"{EXPERTS}.down_proj": [(16, 3), (4, 16)],
    }


@pytest.mark.parametrize(
    ("pairs", "keys"),
    [
        (OF_LAYER, {}),
        (OF_LAYER | {TOWER: ([8, 2], [3, 8])}, {"freeze_vision": False}),
        (OF_LAYER | OF_EXPERTS, {"lora": {"experts": True, "dropout": 0}}),
    ],
)
def test_one_of_the_same_shape_is_trained_on(tmp_path: Path, pairs, keys):
    adapter.check_resumable(write(tmp_path, pairs), settings(**keys), SHAPES)


@pytest.mark.parametrize(
    ("pairs", "keys", "sentence"),
    [
        (OF_LAYER, {"lora": {"rank": 4}}, "the adapter's rank is 8, and sft.lora.rank is 4. Set sft.lora.rank: 8, "
         "or start without it."),
        (OF_LAYER, {"lora": {"alpha": 8}}, "the adapter's alpha is 32, and sft.lora.alpha is 8. Set "
         "sft.lora.alpha: 32, or start without it."),
        (OF_LAYER | OF_EXPERTS, {}, "the adapter reaches the experts, and sft.lora.experts is false. Set it to "
         "true."),
        (OF_LAYER, {"freeze_vision": False}, "the adapter is of other layers than the settings mean: it has not "
         f"{TOWER}. Set the keys that freeze as they were when it was trained."),
        (OF_LAYER | {TOWER: ([8, 2], [3, 8])}, {}, "the adapter is of other layers than the settings mean: it "
         f"has besides {TOWER}. Set the keys that freeze as they were when it was trained."),
        ({QUERY: ([8, 2], [5, 8])}, {}, f"the adapter is of another base: {QUERY} has shape [5, 2], here [4, 2]. "
         "Set model.path to the base that it was trained on."),
    ],
)  # fmt: skip
def test_any_other_is_refused(tmp_path: Path, pairs, keys, sentence: str):
    with pytest.raises(PipelineError) as refused:
        adapter.check_resumable(write(tmp_path, pairs), settings(**keys), SHAPES)
    assert str(refused.value) == f"sft.resume_adapter: {sentence}"


def test_experts_of_another_number_are_of_another_base(tmp_path: Path):
    keys = {"lora": {"experts": True, "dropout": 0}}
    with pytest.raises(PipelineError, match="the adapter is of another base"):
        adapter.check_resumable(
            write(tmp_path, OF_LAYER | OF_EXPERTS), settings(**keys), replace(SHAPES, experts={EXPERTS: [3, 3, 4]})
        )


def test_one_of_other_weights_of_the_same_shapes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Instruct and Thinking."""
    (tmp_path / "manifest.json").write_text('{"base_weights": "ab"}')
    adapter.check_base(tmp_path, "ab")
    assert capsys.readouterr().out == ""
    with pytest.raises(PipelineError) as refused:
        adapter.check_base(tmp_path, "cd")
    assert str(refused.value) == (
        "sft.resume_adapter: the adapter was trained on other weights than those of model.path, though their "
        "shapes are the same. Set model.path to the base that it was trained on."
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"base_weights": null}'])
def test_one_that_does_not_tell_its_base_is_taken_with_a_warning(tmp_path: Path, text: str, capsys):
    (tmp_path / "manifest.json").write_text(text)
    adapter.check_base(tmp_path, "ab")
    told = f"warning: {tmp_path} does not say which weights it was trained on; its shapes fit this base.\n"
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("text", ["[]", "{", '{"r": "x"}'])
def test_settings_that_are_none_are_told(tmp_path: Path, text: str):
    write(tmp_path, OF_LAYER)
    (tmp_path / adapter.CONFIG).write_text(text)
    with pytest.raises(PipelineError, match="this is not an adapter"):
        adapter.read(tmp_path)
