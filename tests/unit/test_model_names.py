"""Names and shapes read from the weight files against the modules that transformers builds."""

from pathlib import Path
from typing import Any

import pytest

from omnitune import weights
from omnitune.base_model import inspect
from omnitune.model_parts import GROUPS, PARTS, SPEECH, linear_modules, part, shapes

pytestmark = pytest.mark.swift


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Any:
    from transformers import Qwen3OmniMoeForConditionalGeneration

    return Qwen3OmniMoeForConditionalGeneration.from_pretrained(tiny_model)


def group(name: str) -> str | None:
    """The part of the network a module belongs to, by the classes of transformers' own code."""
    if name.startswith(("talker.", "code2wav.")) or name == "thinker.lm_head":
        return None
    if name.startswith("thinker.model."):
        return "llm"
    if name.startswith("thinker.visual."):
        return "aligner" if ".merger" in name else "vision"
    assert name.startswith("thinker.audio_tower.")
    return "aligner" if name.split(".")[2] in ("proj1", "proj2") else "audio"


def test_the_linear_layers_are_those_that_transformers_builds(tiny_model: Path, model: Any):
    from torch.nn import Linear

    built: dict[str, set[str]] = {name: set() for name in GROUPS}
    for name, module in model.named_modules():
        if isinstance(module, Linear) and (where := group(name)):
            built[where].add(name)
    found = linear_modules(weights.tensors(tiny_model))
    assert {name: set(modules) for name, modules in found.items()} == built
    assert all(built.values()), "a group of the tiny model is empty: nothing is compared"


def test_the_shapes_in_the_files_are_those_of_the_layers(tiny_model: Path, model: Any):
    for modules in linear_modules(weights.tensors(tiny_model)).values():
        for name, shape in modules.items():
            layer = model.get_submodule(name)
            assert shape == [layer.out_features, layer.in_features], name


def test_the_experts_are_the_fused_ones_of_transformers(tiny_model: Path, model: Any):
    found = shapes(weights.tensors(tiny_model)).experts
    fused = {name for name, _ in model.thinker.named_modules() if name.endswith(".experts")}
    assert {f"thinker.{name}" for name in fused} == set(found)
    for name, (count, inner, hidden) in found.items():
        assert model.get_submodule(name).gate_up_proj.shape == (count, 2 * inner, hidden)
        assert model.get_submodule(name).down_proj.shape == (count, hidden, inner)


def test_the_parameters_of_each_part_are_those_in_memory(tiny_model: Path, model: Any):
    built = dict.fromkeys(PARTS, 0)
    for name, parameter in model.named_parameters():
        built[part(name)] += parameter.numel()
    found = dict(shapes(weights.tensors(tiny_model)).parameters)
    # Only of the speech a checkpoint holds more than parameters: the code book's counts.
    assert found.pop(SPEECH) >= built.pop(SPEECH)
    assert found == built
    assert all(built.values())


def test_peft_adapts_exactly_the_named_layers(tiny_model: Path, model: Any):
    from peft import LoraConfig, get_peft_model

    names = linear_modules(weights.tensors(tiny_model))["llm"]
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=list(names)))
    found = {name.partition(".lora_A.")[0] for name, _ in adapted.named_parameters() if ".lora_A." in name}
    assert found == {f"base_model.model.{name}" for name in names}


def test_the_manifest_counts_the_parameters_of_the_files(tiny_model: Path, tmp_path: Path):
    import json

    from safetensors.torch import load_file

    inspect(str(tiny_model), tmp_path, hub="huggingface", revision=None)
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    count = sum(tensor.numel() for path in weights.shards(tiny_model) for tensor in load_file(path).values())
    assert (manifest["parameters"], sum(manifest["parts"].values()), manifest["has_talker"]) == (
        count,
        count,
        True,
    )
