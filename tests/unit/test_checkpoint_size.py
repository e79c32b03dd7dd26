"""Disk that checkpoints will take, from shapes; tests/e2e holds it against those of the real trainer."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from weight_files import write_safetensors

from omnitune import checkpoint_size, disk, trainable
from omnitune.errors import PipelineError

MEGA = 1024 * 1024
SMALL = 64e6


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A base of 1 M values in the thinker, one quarter of them in an expert, and a talker."""
    shapes = {
        "thinker.model.layers.0.self_attn.q_proj.weight": [768, 1024],
        "thinker.model.layers.0.mlp.experts.0.up_proj.weight": [256, 1024],
        "talker.model.x.weight": [1024, 1024],
    }
    tensors = {name: ("BF16", shape, bytes(2 * shape[0] * shape[1])) for name, shape in shapes.items()}
    write_safetensors(tmp_path / "base/model.safetensors", tensors)
    return tmp_path / "base"


def of_one(model: Path, **more: Any) -> float:
    """Bytes beside the small files, without the margin."""
    arguments = {"model": str(model), "tuner_type": "full", "torch_dtype": "bfloat16"} | more
    return (checkpoint_size.of_one(arguments) - SMALL) / 1.05


@pytest.mark.parametrize(
    ("more", "bytes_a_value"),
    [
        ({}, 2 + 4),
        ({"torch_dtype": "float32"}, 4 + 8),
        ({"deepspeed": "zero2"}, 2 + 2 + 12),
        ({"deepspeed": "zero3_offload"}, 2 + 12),
    ],
)
def test_all_weights(model: Path, more: dict[str, Any], bytes_a_value: int):
    assert of_one(model, **more) == pytest.approx(bytes_a_value * MEGA)


def test_an_adapter(model: Path):
    lora = {"tuner_type": "lora", "ENV": {trainable.VARIABLE: '{"llm attention": 9000, "llm experts": 5000}'}}
    assert of_one(model, **lora) == pytest.approx(12 * 14_000)
    assert of_one(model, deepspeed="zero2", **lora) == pytest.approx(20 * 14_000)


def test_what_is_frozen_is_kept_without_a_state(model: Path):
    some = {"ENV": {trainable.VARIABLE: '{"llm attention": 786432}'}}
    assert of_one(model, **some) == pytest.approx(2 * MEGA + 4 * 768 * 1024)


def test_what_is_there_already_is_not_needed_again(model: Path, tmp_path: Path):
    arguments = {"model": str(model), "tuner_type": "full", "save_total_limit": 3, "deepspeed": "zero2"}
    one = checkpoint_size.of_one(arguments)
    assert checkpoint_size.still_needed(arguments, tmp_path) == 4 * one
    assert checkpoint_size.still_needed({**arguments, "val_dataset": ["v"]}, tmp_path) == 5 * one
    for step in (1, 2, 3):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}/weights").write_bytes(bytes(1000))
    assert checkpoint_size.still_needed(arguments, tmp_path) == 4 * one - 3000


def test_space_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=2e9))
    disk.require(tmp_path / "not/yet", 2e9, "they")
    with pytest.raises(PipelineError) as refused:
        disk.require(tmp_path / "not/yet", 3.21e10, "they")
    assert refused.value.code == 74
    assert str(refused.value) == (
        f"{tmp_path}/not/yet: they need 32 GB and 2.0 GB are free. Free space there, then run again."
    )
