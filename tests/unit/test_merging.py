"""The final model: peft's own arithmetic bit for bit, everything else the base's, never half of it."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from weight_files import floats, write_safetensors

from omnitune import adapter, layout, merging, weights
from omnitune.environments import ROOT
from omnitune.errors import PipelineError
from omnitune.model_parts import EXPERTS, linear_modules, part, shapes

swift = pytest.mark.swift
MODULE = "thinker.model.layers.0.self_attn.q_proj"
TRAINED = {"base": "results/main/model/weights", "stage": "sft"}
PLAIN = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}


def contents(folder: Path) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Every tensor of a folder: dtype, shape and bytes."""
    found = {}
    for name, tensor in weights.tensors(folder).items():
        with tensor.file.open("rb") as file:
            file.seek(tensor.offset)
            found[name] = (tensor.dtype, tensor.shape, file.read(tensor.size))
    return found


def merge(base: Path, trained: Path, output: Path) -> dict[str, Any]:
    (trained / "manifest.json").write_text(json.dumps(TRAINED))
    manifest = output.parent.parent / "base.json"
    manifest.write_text(json.dumps({"base": "Qwen/Qwen3-Omni-30B-A3B-Instruct"}))
    merging.merge(base, trained, output, manifest=manifest)
    return json.loads((output / "manifest.json").read_bytes())


# Refusals need no torch.


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base of one matrix and one tensor that nothing trains."""
    tensors = {f"{MODULE}.weight": ("F32", [2, 3], bytes(24)), "talker.x": floats(1, 2)}
    write_safetensors(tmp_path / "base" / "model.safetensors", tensors)
    (tmp_path / "base" / "config.json").write_text("{}")
    return tmp_path / "base"


def write_adapter(folder: Path, config: dict[str, Any], tensors: dict | None = None) -> Path:
    prefix = f"base_model.model.{MODULE}"
    sides = {
        f"{prefix}.lora_A.weight": ("F32", [2, 3], bytes(24)),
        f"{prefix}.lora_B.weight": ("F32", [2, 2], bytes(16)),
    }
    write_safetensors(folder / adapter.WEIGHTS, sides if tensors is None else tensors)
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def refused(base: Path, trained: Path, output: Path) -> PipelineError:
    with pytest.raises(PipelineError) as caught:
        merge(base, trained, output)
    assert not output.exists()
    assert list(output.parent.glob(".*staging")) == []
    return caught.value


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"use_dora": True}, "use_dora is True, which is not merged here"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save is ['lm_head'], which is not merged here"),
        ({"rank_pattern": {"q": 4}}, "rank_pattern is {'q': 4}, which is not merged here"),
        ({"alpha_pattern": {"q": 4}}, "alpha_pattern is {'q': 4}, which is not merged here"),
        ({"peft_type": "IA3"}, "peft_type is IA3, which is not merged here"),
        ({"bias": "all"}, "bias is all, which is not merged here"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights is pissa, which changed the base it was trained on"),
    ],
)
def test_an_adapter_that_is_more_than_plain_lora_is_refused(base: Path, tmp_path: Path, change, what):
    error = refused(base, write_adapter(tmp_path / "sft", PLAIN | change), tmp_path / "merge" / "model")
    assert (error.what, error.where) == (what, f"{tmp_path}/sft/adapter_config.json")
    assert error.code == 78


@pytest.mark.parametrize("none", [None, [], {}, False])
def test_nothing_is_plain_however_peft_spells_it(tmp_path: Path, none):
    names = ("modules_to_save", "target_parameters", "rank_pattern", "use_dora", "trainable_token_indices")
    folder = write_adapter(tmp_path / "sft", PLAIN | dict.fromkeys(names, none))
    assert [name for name, _ in merging._adapter_changes(adapter.read(folder))] == [f"{MODULE}.weight"]


@pytest.mark.parametrize("kind", ["lora_A", "lora_B"])
def test_half_of_a_pair_is_refused(base: Path, tmp_path: Path, kind: str):
    half = {f"base_model.model.{MODULE}.{kind}.weight": ("F32", [2, 2], bytes(16))}
    error = refused(base, write_adapter(tmp_path / "sft", PLAIN, half), tmp_path / "merge" / "model")
    assert error.code == 65


def test_a_tensor_that_is_no_lora_is_refused(base: Path, tmp_path: Path):
    odd = {"base_model.model.lm_head.weight": floats(1)}
    error = refused(base, write_adapter(tmp_path / "sft", PLAIN, odd), tmp_path / "merge" / "model")
    assert error.what == "base_model.model.lm_head.weight is no part of a LoRA adapter"


def test_an_empty_adapter_is_refused(base: Path, tmp_path: Path):
    error = refused(base, write_adapter(tmp_path / "sft", PLAIN, {}), tmp_path / "merge" / "model")
    assert str(error) == f"{tmp_path}/sft: there is nothing to merge. Train again."


def test_an_adapter_of_another_base_is_refused(base: Path, tmp_path: Path):
    write_safetensors(base / "model.safetensors", {"other.weight": floats(1)})
    error = refused(base, write_adapter(tmp_path / "sft", PLAIN), tmp_path / "merge" / "model")
    assert str(error) == (
        f"{tmp_path}/sft: 1 of 1 trained tensors are not in the base, first {MODULE}.weight. "
        "Merge with the base that it was trained on."
    )


EXPERT = "thinker.model.layers.0.mlp.experts"


def test_trained_speech_is_refused(base: Path, tmp_path: Path):
    speech = {"talker.model.norm.weight": floats(1)}
    write_safetensors(base / "model.safetensors", {f"{MODULE}.weight": floats(1), **speech})
    write_safetensors(tmp_path / "sft" / "model.safetensors", speech)
    (tmp_path / "sft" / "manifest.json").write_text('{"base": "base"}')
    assert refused(base, tmp_path / "sft", tmp_path / "merge" / "model").what == (
        "1 trained tensors belong to the speech, first talker.model.norm.weight, which stays the base's"
    )


def write_experts(folder: Path, experts: int, *, targets: list[str]) -> Path:
    """An adapter of rank 1 on fused experts of widths 3 (inner) and 2 (hidden)."""
    shapes = {".base_layer": ([experts, 2], [6, experts]), "": ([experts, 3], [2, experts])}
    tensors = {
        f"base_model.model.{EXPERT}{wrapped}.lora_{side}.weight": ("F32", shape, bytes(4 * shape[0] * shape[1]))
        for wrapped, pair in shapes.items()
        for side, shape in zip("AB", pair, strict=True)
    }
    return write_adapter(folder, PLAIN | {"r": 1, "target_parameters": targets}, tensors)


def test_experts_are_merged_whole_or_not_at_all(base: Path, tmp_path: Path):
    sides = {"gate_proj": [3, 2], "up_proj": [3, 2], "down_proj": [2, 3]}
    names = {
        f"{EXPERT}.{n}.{side}.weight": ("F32", shape, bytes(24)) for n in (0, 1) for side, shape in sides.items()
    }
    write_safetensors(base / "model.safetensors", names)
    half = write_experts(tmp_path / "half", 2, targets=["mlp.experts.down_proj"])
    assert refused(base, half, tmp_path / "merge/model").what == (
        "target_parameters is ['mlp.experts.down_proj'], which is not merged here"
    )
    few = write_experts(tmp_path / "few", 1, targets=[f"{EXPERT}.gate_up_proj", f"{EXPERT}.down_proj"])
    assert refused(base, few, tmp_path / "merge/model").what == (
        f"3 of the base's 6 tensors of experts are trained, not {EXPERT}.1.down_proj.weight"
    )
    many = write_experts(tmp_path / "many", 3, targets=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"])
    assert refused(base, many, tmp_path / "merge/model").what == (
        f"3 of 9 trained tensors are not in the base, first {EXPERT}.2.gate_proj.weight"
    )


def test_a_disk_without_room_is_told_before_anything_is_copied(base: Path, tmp_path: Path, monkeypatch):
    free = shutil._ntuple_diskusage(10**9, 10**9, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    monkeypatch.setattr(shutil, "copyfile", lambda *_: pytest.fail("copied"))
    error = refused(base, write_adapter(tmp_path / "sft", PLAIN), tmp_path / "merge" / "model")
    assert re.fullmatch(r"the final model's files need \d+ MB and 0 MB are free", error.what)
    assert error.where == f"{tmp_path}/merge/model"
    assert error.code == 74


KILLED = """
import os, signal, sys
from pathlib import Path
from omnitune import merging
merging._rewrite = lambda path, changes: os.kill(os.getpid(), signal.SIGKILL)
base, trained, output = map(Path, sys.argv[1:])
merging.merge(base, trained, output, manifest=trained / "manifest.json")
"""


def kill_in_mid_merge(base: Path, trained: Path, output: Path) -> None:
    argv = [sys.executable, "-c", KILLED, base, trained, output]
    done = subprocess.run(argv, cwd=ROOT / "workflow/scripts", check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_kill_in_mid_merge_shows_nothing(base: Path, tmp_path: Path):
    trained, output = write_adapter(tmp_path / "sft", PLAIN), tmp_path / "merge" / "model"
    (trained / "manifest.json").write_text('{"base": "b"}')
    kill_in_mid_merge(base, trained, output)
    assert not output.exists()
    assert len(list(output.parent.glob(".model.*.staging"))) == 1


# The real arithmetic, on the tiny model.


@pytest.fixture(scope="session")
def bases(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny model in float32 and in bfloat16."""
    import torch
    from safetensors.torch import load_file, save_file

    half = tmp_path_factory.mktemp("bfloat16") / "model"
    shutil.copytree(tiny_model, half)
    for path in half.glob("*.safetensors"):
        tensors = {name: tensor.to(torch.bfloat16) for name, tensor in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    return {"float32": tiny_model, "bfloat16": half}


def load(folder: Path, dtype: str) -> Any:
    import torch
    from transformers import Qwen3OmniMoeForConditionalGeneration

    model, told = Qwen3OmniMoeForConditionalGeneration.from_pretrained(
        folder, dtype=getattr(torch, dtype), output_loading_info=True
    )
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    return model


@pytest.fixture(scope="session")
def trained(bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, dict]]:
    """An adapter with random values, and the state dict after peft's own merge."""

    def make(dtype: str, adapter_dtype: str, *, rslora: bool, experts: bool = False) -> tuple[Path, dict]:
        import torch
        from peft import LoraConfig, PeftModel, get_peft_model

        torch.manual_seed(3)
        found = shapes(weights.tensors(bases[dtype]))
        names = [name for group in found.linear.values() for name in group]
        fused = [f"{module}.{name}" for module in found.experts for name in ("gate_up_proj", "down_proj")]
        config = LoraConfig(
            r=8,
            lora_alpha=32,
            target_modules=names,
            target_parameters=fused if experts else None,
            use_rslora=rslora,
            lora_dropout=0 if experts else 0.05,
        )
        model = get_peft_model(load(bases[dtype], dtype), config, autocast_adapter_dtype=False)
        for name, weight in model.named_parameters():
            if ".lora_" in name:
                weight.data = torch.randn_like(weight).mul(0.1).to(getattr(torch, adapter_dtype))
        folder = tmp_path_factory.mktemp("adapter") / "model"
        model.save_pretrained(folder)
        again = PeftModel.from_pretrained(load(bases[dtype], dtype), folder)
        return folder, again.merge_and_unload().state_dict()

    return make


@swift
@pytest.mark.parametrize(
    ("dtype", "adapter_dtype", "rslora", "experts"),
    [
        ("float32", "float32", False, False),
        ("float32", "float32", True, True),
        ("bfloat16", "bfloat16", False, True),
        ("bfloat16", "float32", False, True),
        ("bfloat16", "float32", True, False),
    ],
)
def test_the_merge_is_pefts_bit_for_bit(bases, trained, tmp_path: Path, dtype, adapter_dtype, rslora, experts):
    import torch

    adapter, expected = trained(dtype, adapter_dtype, rslora=rslora, experts=experts)
    manifest = merge(bases[dtype], adapter, tmp_path / "merge" / "model")
    modules = linear_modules(weights.tensors(bases[dtype]))
    names = {f"{name}.weight" for group in modules.values() for name in group}
    if experts:
        names |= {name for name in weights.tensors(bases[dtype]) if part(name) == EXPERTS}
    assert manifest["changed_tensors"] == len(names)

    merged = load(tmp_path / "merge" / "model", dtype).state_dict()
    assert set(merged) == set(expected)
    assert [name for name in expected if not torch.equal(merged[name], expected[name])] == []

    before, after = contents(bases[dtype]), contents(tmp_path / "merge" / "model")
    assert list(after) == list(before)
    assert {name for name in before if before[name] != after[name]} == names
    assert all(before[name][:2] == after[name][:2] for name in before)
    assert any(name.startswith("talker.") for name in before)
    assert any(name.startswith("code2wav.") for name in before)
    others = {path.name for path in bases[dtype].iterdir()} - {path.name for path in weights.shards(bases[dtype])}
    for name in others - {"README.md"}:
        assert (tmp_path / "merge/model" / name).read_bytes() == (bases[dtype] / name).read_bytes()
    layout.check(tmp_path / "merge" / "model")
    assert (
        "A model tuned from Qwen/Qwen3-Omni-30B-A3B-Instruct" in (tmp_path / "merge/model/README.md").read_text()
    )


@swift
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_full_fine_tuning_replaces_what_was_trained_and_nothing_else(bases, tmp_path: Path, dtype):
    """The trainer saves the thinker alone, in its own type."""
    import torch
    from safetensors.torch import load_file, save_file

    torch.manual_seed(4)
    tensors = {}
    for path in weights.shards(bases[dtype]):
        for name, tensor in load_file(path).items():
            if name.startswith("thinker.model."):
                tensors[name] = torch.randn(tensor.shape)
    (tmp_path / "sft").mkdir()
    save_file(tensors, tmp_path / "sft" / "model.safetensors")
    manifest = merge(bases[dtype], tmp_path / "sft", tmp_path / "merge" / "model")
    assert manifest["changed_tensors"] == len(tensors)
    before, after = contents(bases[dtype]), contents(tmp_path / "merge" / "model")
    assert {name for name in before if before[name] != after[name]} == set(tensors)
    loaded = {}
    for path in weights.shards(tmp_path / "merge" / "model"):
        loaded |= load_file(path)
    for name, tensor in tensors.items():
        assert torch.equal(loaded[name], tensor.to(getattr(torch, dtype))), name
    load(tmp_path / "merge" / "model", dtype)


@swift
def test_after_a_kill_the_same_command_makes_the_model_and_a_second_does_nothing(bases, trained, tmp_path, capsys):
    adapter, _ = trained("float32", "float32", rslora=False)
    output = tmp_path / "merge" / "model"
    (adapter / "manifest.json").write_text('{"base": "results/main/model/weights"}')
    kill_in_mid_merge(bases["float32"], adapter, output)
    merge(bases["float32"], adapter, output)
    assert sorted(path.name for path in output.parent.iterdir()) == [".model.lock", "model"]
    times = {path: path.stat().st_mtime_ns for path in output.glob("*.safetensors")}
    (output / "manifest.json").unlink()
    merge(bases["float32"], adapter, output)
    assert "nothing to merge" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in output.glob("*.safetensors")} == times


@swift
@pytest.mark.parametrize("shape", [([2, 4], [2, 2]), ([2, 3], [1, 2]), ([2, 1], [2, 2])])
def test_a_matrix_of_another_shape_is_refused(base: Path, tmp_path: Path, shape):
    down, up = shape
    sides = {
        "lora_A": ("F32", down, bytes(4 * down[0] * down[1])),
        "lora_B": ("F32", up, bytes(4 * up[0] * up[1])),
    }
    tensors = {f"base_model.model.{MODULE}.{side}.weight": tensor for side, tensor in sides.items()}
    error = refused(base, write_adapter(tmp_path / "sft", PLAIN, tensors), tmp_path / "merge" / "model")
    assert error.what == f"{MODULE}.weight has shape {(up[0], down[1])}, the base (2, 3)"


@swift
def test_a_merge_that_is_not_finite_is_refused(base: Path, tmp_path: Path):
    import struct

    prefix = f"base_model.model.{MODULE}"
    tensors = {
        f"{prefix}.lora_A.weight": ("F32", [2, 3], struct.pack("<6f", *[1e30] * 6)),
        f"{prefix}.lora_B.weight": ("F32", [2, 2], struct.pack("<4f", *[1e30] * 4)),
    }
    error = refused(base, write_adapter(tmp_path / "sft", PLAIN, tensors), tmp_path / "merge" / "model")
    assert error.what == f"{MODULE}.weight is not finite after the merge"
    assert error.code == 77
