"""All weights of a checkpoint reach the model that goes on from it, by the real model and trainer."""

import shutil
from pathlib import Path
from types import MethodType, SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.swift


@pytest.fixture(scope="module")
def checkpoint(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with every weight changed, as a training of all weights saves it."""
    import torch

    folder = tmp_path_factory.mktemp("full") / "checkpoint-2"
    changed = model(tiny_model)
    with torch.no_grad():
        for weight in changed.parameters():
            weight += 1
    changed.save_pretrained(folder)
    return folder


def model(folder: Path) -> Any:
    """As ms-swift loads it without its speech."""
    from transformers import AutoConfig, Qwen3OmniMoeForConditionalGeneration

    config = AutoConfig.from_pretrained(folder)
    config.enable_audio_output = False
    return Qwen3OmniMoeForConditionalGeneration.from_pretrained(folder, config=config)


def trainer(base: Path) -> Any:
    """As much of transformers' trainer as reads a checkpoint."""
    from transformers import Trainer

    from omnitune.trainer import resumed_weights

    made = SimpleNamespace(model=model(base), is_fsdp_enabled=False)
    for name in ("_load_from_checkpoint", "_issue_warnings_after_load"):
        setattr(made, name, MethodType(getattr(Trainer, name), made))
    made.read_by_transformers = made._load_from_checkpoint
    resumed_weights.complete(made)
    return made


def differ(one: Any, other: Any) -> set[str]:
    """Names of the weights that are not equal."""
    ours, theirs = one.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    return {name for name in ours if not ours[name].equal(theirs[name])}


def test_every_weight_of_a_checkpoint_is_read(tiny_model: Path, checkpoint: Path):
    made, saved = trainer(tiny_model), model(checkpoint)
    assert len(differ(made.model, saved)) > 100
    made._load_from_checkpoint(str(checkpoint))
    assert differ(made.model, saved) == set()


def test_left_to_itself_the_trainer_forgets_the_experts(tiny_model: Path, checkpoint: Path):
    """When this fails, transformers has been mended and `resumed_weights` can go."""
    made, saved = trainer(tiny_model), model(checkpoint)
    made.read_by_transformers(str(checkpoint))
    assert {name.rpartition(".")[2] for name in differ(made.model, saved)} == {"gate_up_proj", "down_proj"}


def test_a_checkpoint_that_lacks_a_weight_is_refused(tiny_model: Path, checkpoint: Path, tmp_path: Path):
    from safetensors.torch import load_file, save_file

    folder, name = shutil.copytree(checkpoint, tmp_path / "lacking"), "thinker.model.norm.weight"
    tensors = load_file(folder / "model.safetensors")
    del tensors[name]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(RuntimeError, match=rf"Error\(s\) in loading state_dict for .*: no {name}"):
        trainer(tiny_model)._load_from_checkpoint(str(folder))


def test_an_adapter_is_read_as_ever(tmp_path: Path):
    from peft import LoraConfig, get_peft_model
    from torch.nn import Linear, Sequential

    from omnitune.trainer import resumed_weights

    read: list[str] = []
    adapted = get_peft_model(Sequential(Linear(2, 2)), LoraConfig(target_modules=["0"]))
    made = SimpleNamespace(model=adapted, _load_from_checkpoint=lambda folder, model: read.append(folder))
    resumed_weights.complete(made)
    made._load_from_checkpoint("checkpoint-2")
    assert read == ["checkpoint-2"]
