"""The base checkpoint: what is refused, what the manifest says, which layers are linear."""

import json
from pathlib import Path
from typing import Any

import pytest
from weight_files import floats, write_safetensors

from omnitune import base_model, model_parts, weights
from omnitune.errors import PipelineError
from omnitune.publish import sha256

LINEAR = {
    "llm": ["thinker.model.layers.2.self_attn.q_proj", "thinker.model.layers.10.self_attn.q_proj"],
    "vision": ["thinker.visual.blocks.0.attn.qkv"],
    "audio": ["thinker.audio_tower.conv_out", "thinker.audio_tower.layers.0.self_attn.k_proj"],
    "aligner": [
        "thinker.audio_tower.proj1",
        "thinker.visual.merger.mlp.0",
        "thinker.visual.merger_list.0.mlp.2",
    ],
}
OTHER = [
    "thinker.lm_head",
    "thinker.model.embed_tokens",
    "thinker.model.layers.2.mlp.gate",
    "thinker.model.layers.2.mlp.experts.0.up_proj",
    "thinker.visual.pos_embed",
    "talker.model.layers.0.self_attn.q_proj",
    "code2wav.decoder.proj",
]


def write_base(folder: Path, config: dict[str, Any] | None = None) -> Path:
    """A folder that passes for a Qwen3-Omni checkpoint."""
    matrix = ("F32", [2, 1], bytes(8))
    names = [*sorted(name for group in LINEAR.values() for name in group), *OTHER]
    tensors = {f"{name}.weight": matrix for name in names}
    tensors |= {"thinker.model.norm.weight": floats(1, 1), f"{LINEAR['llm'][0]}.bias": floats(1)}
    tensors |= {"thinker.visual.patch_embed.proj.weight": ("F32", [1, 1, 1, 1, 1], bytes(4))}
    write_safetensors(folder / "model.safetensors", tensors)
    text = {"model_type": "qwen3_omni_moe", "architectures": ["Qwen3OmniMoeForConditionalGeneration"]}
    (folder / "config.json").write_text(json.dumps(text if config is None else config))
    for name in ("preprocessor_config.json", "tokenizer_config.json"):
        (folder / name).write_text("{}")
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_base(tmp_path / "base")


def inspect(source: Path | str, output: Path) -> dict[str, Any]:
    base_model.inspect(str(source), output, hub="huggingface", revision=None)
    return json.loads((output / "manifest.json").read_bytes())


def test_the_manifest_describes_the_checkpoint(base: Path, tmp_path: Path):
    manifest = inspect(base, tmp_path / "out")
    assert manifest["base"] == str(base)
    assert manifest["revision"] is None
    assert manifest["has_talker"] is True
    assert manifest["linear_modules"] == {
        group: {name: [2, 1] for name in names} for group, names in LINEAR.items()
    }
    assert manifest["experts"] == {"thinker.model.layers.2.mlp.experts": [1, 2, 1]}
    assert sum(manifest["parts"].values()) == manifest["parameters"]
    assert manifest["parameters"] == 2 * (sum(map(len, LINEAR.values())) + len(OTHER)) + 4
    assert manifest["dtypes"] == ["F32"]
    assert manifest["files"]["config.json"] == {
        "sha256": sha256(base / "config.json"),
        "bytes": (base / "config.json").stat().st_size,
    }
    assert set(manifest["files"]) == {path.name for path in base.iterdir()}
    assert base_model.folder_of(tmp_path / "out") == tmp_path / "out" / "weights"
    assert (tmp_path / "out" / "weights").resolve() == base


def test_a_thinker_alone_has_no_talker(base: Path, tmp_path: Path):
    tensors = {"thinker.model.layers.0.mlp.up_proj.weight": ("F32", [1, 1], bytes(4))}
    write_safetensors(base / "model.safetensors", tensors)
    assert inspect(base, tmp_path / "out")["has_talker"] is False


def test_the_digest_is_of_the_weights_alone(base: Path, tmp_path: Path):
    def digest() -> str | None:
        base_model.inspect(str(base), tmp_path / "out", hub="huggingface", revision=None)
        return base_model.weights_digest(tmp_path / "out/weights")

    first = digest()
    (base / "generation_config.json").write_text("{}")
    assert digest() == first
    content = (base / "model.safetensors").read_bytes()
    (base / "model.safetensors").write_bytes(content[:-1] + b"\1")
    assert digest() not in (None, first)
    assert base_model.weights_digest(base) is None, "it has no manifest"


def test_files_are_hashed_once_and_again_when_they_change(base: Path, tmp_path: Path, monkeypatch):
    before = inspect(base, tmp_path / "out")
    read: list[str] = []
    monkeypatch.setattr(base_model, "sha256", lambda path: read.append(path.name) or sha256(path))
    assert inspect(base, tmp_path / "out") == before
    assert read == []
    (base / "generation_config.json").write_text('{"a": 1}')
    assert "generation_config.json" in inspect(base, tmp_path / "out")["files"]
    assert read == ["generation_config.json"]


def test_hidden_files_and_folders_are_no_part_of_it(base: Path, tmp_path: Path):
    (base / ".cache").mkdir()
    (base / ".git").write_text("")
    (base / "sub").mkdir()
    assert not {".cache", ".git", "sub"} & set(inspect(base, tmp_path / "out")["files"])


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "tokenizer_config.json"])
def test_a_missing_file_is_named(base: Path, tmp_path: Path, name: str):
    (base / name).unlink()
    with pytest.raises(PipelineError) as refused:
        inspect(base, tmp_path / "out")
    assert str(refused.value) == (f"{base}: there is no {name}. Name a whole Qwen3-Omni checkpoint.")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"model_type": "qwen3"}', "this is not a Qwen3-Omni checkpoint (model_type qwen3)"),
        ('{"model_type": "qwen3_omni_moe"}', "this is not a Qwen3-Omni checkpoint (model_type qwen3_omni_moe)"),
        ("[]", "this is not a Qwen3-Omni checkpoint (model_type None)"),
        ("{", "config.json is not JSON: Expecting property name enclosed in double quotes"),
    ],
)
def test_another_model_is_refused(base: Path, tmp_path: Path, text: str, what: str):
    (base / "config.json").write_text(text)
    with pytest.raises(PipelineError) as refused:
        inspect(base, tmp_path / "out")
    assert refused.value.what.startswith(what)
    assert refused.value.code == 78


CODE = "the checkpoint brings code of its own ({}), which would run on loading"


def test_code_files_are_refused(base: Path, tmp_path: Path):
    (base / "modeling_x.py").write_text("")
    with pytest.raises(PipelineError) as refused:
        inspect(base, tmp_path / "out")
    assert refused.value.what == CODE.format("modeling_x.py")


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer_config.json", "preprocessor_config.json", "other.json"]
)
@pytest.mark.parametrize("text", ['"auto_map": {}', '"inner": [{"auto\\u005fmap": {}}]'])
def test_auto_map_is_refused_however_deep_large_or_spelt(base: Path, tmp_path: Path, name: str, text: str):
    whole = json.loads((base / name).read_bytes()) if (base / name).exists() else {}
    whole["padding"] = "x" * 1_100_000
    (base / name).write_text(json.dumps(whole)[:-1] + f", {text}}}")
    with pytest.raises(PipelineError) as refused:
        inspect(base, tmp_path / "out")
    assert refused.value.what == CODE.format("auto_map")


def test_a_token_of_that_name_is_no_code(base: Path, tmp_path: Path):
    (base / "vocab.json").write_text('{"auto_map": 7}')
    (base / "tokenizer_config.json").write_text('{"note": "auto_map"}')
    assert inspect(base, tmp_path / "out")["files"]["vocab.json"]


@pytest.mark.parametrize("source", ["/no/such/folder", "./base", "models/sub/folder", "model"])
def test_a_folder_that_is_not_there_is_not_looked_up_on_a_hub(tmp_path: Path, monkeypatch, source: str):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(base_model, "_download", lambda *_: pytest.fail("looked up"))
    with pytest.raises(PipelineError) as refused:
        inspect(source, tmp_path / "out")
    assert str(refused.value) == (
        f"model.path: there is no folder {source}. Name a folder or a hub id (Qwen/NAME)."
    )


def test_a_hub_id_is_downloaded_and_its_revision_kept(base: Path, tmp_path: Path, monkeypatch):
    snapshot = base.rename(tmp_path / "0123abc")
    monkeypatch.setattr(
        base_model, "_download", lambda *asked: snapshot if asked == ("Q/N", "huggingface", None) else 1
    )
    manifest = inspect("Q/N", tmp_path / "out")
    assert (manifest["base"], manifest["revision"]) == ("Q/N", "0123abc")


def test_a_failed_download_is_one_sentence(tmp_path: Path, monkeypatch):
    def snapshot_download(*_, **__):
        raise RuntimeError("401 Client Error\nmore\nlines")

    fake = type("Hub", (), {"snapshot_download": staticmethod(snapshot_download)})
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", fake)
    with pytest.raises(PipelineError) as refused:
        inspect("Q/N", tmp_path / "out")
    assert str(refused.value) == (
        "model.path: Q/N could not be downloaded from huggingface: 401 Client Error. "
        "Mend the id, model.hub or the network, log in when it is gated, or name a local folder."
    )


def test_a_link_that_leads_nowhere_is_told(base: Path, tmp_path: Path):
    inspect(base, tmp_path / "out")
    base.rename(tmp_path / "moved")
    with pytest.raises(PipelineError) as refused:
        base_model.folder_of(tmp_path / "out")
    assert str(refused.value) == (
        f"{tmp_path}/out/weights: it leads to {base}, which is gone. "
        f"Delete {tmp_path}/out/manifest.json and run again."
    )


def test_groups_have_the_order_of_the_layers():
    tensors = {
        f"thinker.model.layers.{number}.x.weight": weights.Tensor(Path("f"), "F32", (1, 1), 0, 4)
        for number in (10, 9, 100)
    }
    found = model_parts.linear_modules(tensors)["llm"]
    assert list(found) == [f"thinker.model.layers.{number}.x" for number in (9, 10, 100)]
