"""The model card: what the model was made of, and nothing of the machine that it was made on."""

import pytest

from omnitune import model_card

TRAINED = {
    "stage": "sft", "tuner": "lora", "global_step": 40, "train_loss": 0.5,
    "settings": {"learning_rate": 1e-4, "dataset": ["results/r/split/train.jsonl"], "model": "results/r/weights"},
    "versions": {"ms-swift": "4.6.0"},
}  # fmt: skip
DATA = {"sources": {"clips": {"train": 90, "val": 10, "test": 5}, "sums": {"train": 3}}}


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ({"base": "Qwen/Qwen3-Omni-30B-A3B-Instruct"}, "Qwen/Qwen3-Omni-30B-A3B-Instruct"),
        ({"base": "/home/ada/models/omni/"}, "omni"),
        ({"base": "./models"}, "models"),
        ({"base": "results/demo/inputs/base"}, "base"),
        ({"base": "results/r/model/weights", "base_model": "Qwen/Q"}, "Qwen/Q"),
    ],
)
def test_a_base_is_called_by_its_id_or_its_folders_name(base: dict, name: str):
    assert model_card.name_of(base) == name


def test_it_tells_base_data_settings_and_licence():
    card = model_card.card("Qwen/Q", TRAINED, DATA)
    assert card.startswith("---\nbase_model: Qwen/Q\n")
    for line in ("| clips | 90 | 10 |", "| sums | 3 | 0 |", "| learning_rate | 0.0001 |", "| ms-swift | 4.6.0 |"):
        assert line in card.splitlines()
    assert "The base's licence holds" in card
    assert "| source | train rows | val rows |" in card


def test_it_tells_no_path():
    card = model_card.card("Qwen/Q", TRAINED, DATA)
    assert "results/" not in card
    assert "## Data" not in model_card.card("Qwen/Q", TRAINED, None)
