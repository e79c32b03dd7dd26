"""The contract against the model that ms-swift really makes ready, by the arguments that the pipeline gives it."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from omnitune import model_parts, recipes, swift_args, trainable, weights
from omnitune.config.media import MediaConfig
from omnitune.config.sft import SftConfig
from omnitune.trainer import contract

pytestmark = pytest.mark.swift
EXPERTS = {"rank": 2, "experts": True, "dropout": 0}


@pytest.fixture(scope="module")
def shapes(tiny_model: Path) -> model_parts.Shapes:
    return model_parts.shapes(weights.tensors(tiny_model))


@pytest.fixture
def ready(tiny_model: Path, shapes: model_parts.Shapes, tmp_path: Path, monkeypatch) -> Callable[..., Any]:
    """The trainer as the contract sees it when training begins; `flags` are laid over the arguments."""
    (tmp_path / "rows.jsonl").write_text('{"messages": [{"role": "user", "content": "1"}]}\n')

    def prepare(keys: dict[str, Any], **flags: Any) -> Any:
        from swift.pipelines.train.sft import SwiftSft

        settings = recipes.fill_sft(SftConfig(**keys), recipe="fast", gpu_memory_gib=80, device="cpu")
        arguments = swift_args.sft(
            settings,
            media=MediaConfig(),
            device="cpu",
            model=str(tiny_model),
            shapes=shapes,
            train=str(tmp_path / "rows.jsonl"),
            val=None,
            output=str(tmp_path / "out"),
        )
        for name, value in arguments["ENV"].items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv(trainable.VARIABLE, json.dumps(trainable.expected(settings, shapes)))
        made = SwiftSft(swift_args.command_line({**arguments, **flags}))
        model = made.prepare_model(made.args, made.model, template=made.template)
        return SimpleNamespace(model=model, is_world_process_zero=lambda: True)

    return prepare


@pytest.mark.parametrize(
    ("keys", "parts"),
    [
        ({}, {"llm attention"}),
        ({"freeze_audio": False, "freeze_aligner": False}, {"llm attention", "audio", "aligner"}),
        ({"freeze_llm": True, "freeze_vision": False}, {"vision"}),
        ({"lora": EXPERTS}, {"llm attention", "llm experts"}),
        ({"tuner": "full"}, {"llm attention", "llm experts", "llm other"}),
        ({"tuner": "full", "freeze_vit": False, "freeze_vision": True, "freeze_aligner": False},
         {"llm attention", "llm experts", "llm other", "audio", "aligner"}),
        ({"tuner": "full", "freeze_vision": False, "freeze_llm": True}, {"vision"}),
    ],
)  # fmt: skip
def test_what_ms_swift_trains_is_what_the_settings_mean(ready, shapes, capsys, keys, parts: set[str]):
    trainer = ready(keys)
    contract.check(trainer)
    told = capsys.readouterr().out
    counted = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    assert f"in all{counted:>{len(told.splitlines()[-1]) - 8},}" in told
    assert {name for name in model_parts.PARTS if f"  {name} " in told} == parts


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"target_modules": ["all-linear"]}, "audio: 6,144 train, the settings mean 0"),
        ({"lora_rank": 4}, "llm attention: 5,120 train, the settings mean 10,240"),
        ({"target_parameters": ["mlp.experts.down_proj"], "lora_dropout": 0},
         "llm experts: 8,192 train, the settings mean 0"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(ready, flags: dict[str, Any], sentence: str):
    trainer = ready({}, **flags)
    with pytest.raises(contract.TrainableError) as refused:
        contract.check(trainer)
    assert sentence in str(refused.value)
    assert refused.value.code == 78


def test_full_tuning_that_opens_a_frozen_tower_is_refused(ready):
    with pytest.raises(contract.TrainableError, match=r"vision: [\d,]+ train, the settings mean 0"):
        contract.check(ready({"tuner": "full", "freeze_audio": False}, freeze_parameters=["nothing"]))


def test_arguments_without_a_contract_are_not_asked(monkeypatch):
    monkeypatch.delenv(trainable.VARIABLE, raising=False)
    contract.check(SimpleNamespace())
