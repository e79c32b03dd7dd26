"""merge.py: refusals and their messages; the arithmetic is tested in the swift environment (test_merging.py)."""

import json
import os
from pathlib import Path

import pytest
from data_commands import command
from weight_files import floats, write_safetensors

from omnitune import work_lease


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A base behind its link, and a model that was trained on it."""
    write_safetensors(tmp_path / "base/model.safetensors", {"a.weight": floats(1, 2)})
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights").symlink_to(tmp_path / "base")
    (tmp_path / "model/manifest.json").write_text('{"base": "base"}')
    write_safetensors(tmp_path / "sft/model.safetensors", {"b.weight": floats(1, 2)})
    (tmp_path / "sft/manifest.json").write_text(json.dumps({"base": "model/weights"}))
    return tmp_path


def merge(place: Path, *more: str) -> tuple[int, str]:
    argv = ("--base", "model", "--trained", "sft", "--output", "merge/model", "--log", "logs/merge_model.log")
    done = command("merge", *argv, *more, cwd=place)
    assert not (place / "merge/model").exists()
    assert json.loads((place / "logs/merge_model.verdict.json").read_bytes())["code"] == done.returncode
    return done.returncode, done.stderr


def test_a_model_of_another_base_is_refused(place: Path):
    assert merge(place) == (
        78,
        "error: sft: 1 of 1 trained tensors are not in the base, first b.weight. "
        "Merge with the base that it was trained on.\n",
    )


def test_an_adapter_that_is_not_plain_is_refused(place: Path):
    write_safetensors(place / "sft/adapter_model.safetensors", {})
    (place / "sft/adapter_config.json").write_text('{"peft_type": "LORA", "use_dora": true}')
    assert merge(place) == (
        78,
        "error: sft/adapter_config.json: use_dora is True, which is not merged here. "
        "Train with plain LoRA, or serve base and adapter side by side.\n",
    )


def test_a_cut_adapter_is_bad_data(place: Path):
    path = write_safetensors(place / "sft/adapter_model.safetensors", {"x": floats(1)})
    path.write_bytes(path.read_bytes()[:-1])
    (place / "sft/adapter_config.json").write_text('{"peft_type": "LORA", "r": 2, "lora_alpha": 4}')
    code, told = merge(place)
    assert code == 65
    assert told.startswith("error: sft/adapter_model.safetensors: this is not a whole safetensors file: ")


def test_a_base_that_has_gone_is_told(place: Path):
    (place / "base").rename(place / "moved")
    assert merge(place) == (
        78,
        f"error: model/weights: it leads to {place}/base, which is gone. "
        "Delete model/manifest.json and run again.\n",
    )


def test_an_absent_manifest_is_named(place: Path):
    (place / "sft/manifest.json").unlink()
    assert merge(place) == (74, "error: sft/manifest.json: No such file or directory.\n")


def test_another_try_at_the_same_is_refused_at_once(place: Path):
    told = merge(place)
    (place / "model/weights").unlink()  # nothing is looked at but what it depends on
    (place / "model/weights").symlink_to(place / "base")
    write_safetensors(place / "base/model.safetensors", {"b.weight": floats(1, 2)})
    assert merge(place, "--attempt", "2") == told
    (place / "model/manifest.json").write_text('{"base": "another"}')
    assert merge(place, "--attempt", "3") != told


def test_a_second_launcher_leaves_the_first_ones_work_alone(place: Path):
    begun = place / "merge/.model.12345678.staging/model.safetensors"
    with work_lease.held(place / "merge/model"):
        write_safetensors(begun, {})
        code, told = merge(place)
    assert code == 75
    assert told.startswith(f"error: merge/model: another process writes here (pid {os.getpid()} on ")
    assert begun.exists()
