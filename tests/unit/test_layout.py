"""The names that readers of a checkpoint look for, on a folder that has them all, less one."""

import json
from pathlib import Path
from typing import Any

import pytest
from weight_files import floats, write_safetensors

from omnitune import layout
from omnitune.errors import PipelineError

TEXT = {"num_hidden_layers": 2, "num_experts": 2, "mlp_only_layers": [1], "decoder_sparse_step": 1}
TOWERS = {"thinker.visual.x", "thinker.audio_tower.x"}


def write(folder: Path, names: set[str], **config: Any) -> Path:
    write_safetensors(folder / "model.safetensors", {name: floats(1) for name in names})
    values = {"architectures": [layout.ARCHITECTURE], "thinker_config": {"text_config": TEXT}} | config
    (folder / "config.json").write_text(json.dumps(values))
    return folder


@pytest.fixture
def names() -> set[str]:
    return layout._of_text_model(TEXT) | TOWERS | {"talker.x", "code2wav.x"}


def test_a_whole_folder_passes(tmp_path: Path, names: set[str]):
    assert "thinker.model.layers.0.mlp.experts.1.up_proj.weight" in names
    assert "thinker.model.layers.1.mlp.up_proj.weight" in names
    layout.check(write(tmp_path, names))


@pytest.mark.parametrize(
    ("lost", "what"),
    [
        ("thinker.model.layers.0.mlp.experts.1.up_proj.weight", "1 tensors are missing, first {}"),
        ("thinker.lm_head.weight", "1 tensors are missing, first {}"),
        ("thinker.visual.x", "there are no tensors thinker.visual.*"),
    ],
)
def test_a_missing_tensor_is_named(tmp_path: Path, names: set[str], lost: str, what: str):
    with pytest.raises(PipelineError) as refused:
        layout.check(write(tmp_path, names - {lost}))
    assert refused.value.what.startswith(what.format(lost))


def test_fused_experts_and_foreign_tensors_are_told(tmp_path: Path, names: set[str]):
    fused = {name for name in names if ".experts." not in name} | {"thinker.model.layers.0.mlp.experts.down_proj"}
    with pytest.raises(
        PipelineError, match=r"6 tensors are missing, first thinker\.model\.layers\.0\.mlp\.experts\.0"
    ):
        layout.check(write(tmp_path, fused))
    with pytest.raises(PipelineError, match=r"there is a tensor base_model\.x"):
        layout.check(write(tmp_path, names | {"base_model.x"}))


def test_another_architecture_is_told(tmp_path: Path, names: set[str]):
    thinker = ["Qwen3OmniMoeThinkerForConditionalGeneration"]
    with pytest.raises(PipelineError, match=r"config\.json names the architecture"):
        layout.check(write(tmp_path, names, architectures=thinker))
