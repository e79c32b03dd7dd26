"""model.py: argv to manifest, exit code and message."""

import json
from pathlib import Path

from data_commands import command
from weight_files import floats, write_safetensors


def write_base(folder: Path, model_type: str = "qwen3_omni_moe") -> Path:
    write_safetensors(folder / "model.safetensors", {"thinker.model.norm.weight": floats(1)})
    config = {"model_type": model_type, "architectures": ["Qwen3OmniMoeForConditionalGeneration"]}
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("preprocessor_config.json", "tokenizer_config.json"):
        (folder / name).write_text("{}")
    return folder


def test_a_folder_gets_its_manifest_and_a_link(tmp_path: Path):
    write_base(tmp_path / "base")
    done = command("model", "--source", "base", "--output", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads((tmp_path / "out/manifest.json").read_bytes())["parameters"] == 1
    assert (tmp_path / "out/weights/config.json").is_file()


def test_another_model_is_refused(tmp_path: Path):
    write_base(tmp_path / "base", "llama")
    done = command("model", "--source", "base", "--output", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        78,
        "error: base: this is not a Qwen3-Omni checkpoint (model_type llama). "
        "Set model.path to one whose config.json says qwen3_omni_moe.\n",
    )
    assert not (tmp_path / "out").exists()


def test_cut_weights_are_bad_data(tmp_path: Path):
    path = write_base(tmp_path / "base") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    done = command("model", "--source", "base", "--output", "out", cwd=tmp_path)
    assert done.returncode == 65
    assert done.stderr.startswith("error: base/model.safetensors: this is not a whole safetensors file: ")
    assert done.stderr.endswith(" Copy or download it again.\n")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    done = command("model", "--source", "models/none/x", "--output", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        78,
        "error: model.path: there is no folder models/none/x. Name a folder or a hub id (Qwen/NAME).\n",
    )


def test_an_unknown_hub_is_a_wrong_command_line(tmp_path: Path):
    done = command("model", "--source", "a/b", "--output", "out", "--hub", "other", cwd=tmp_path)
    assert done.returncode == 2
    assert "argument --hub: invalid choice: 'other'" in done.stderr
