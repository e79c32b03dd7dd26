"""Trainings that cannot fit are refused with the config; whatever is not sure passes."""

import time
from pathlib import Path
from typing import Any

import pytest

from omnitune.config.load import load
from omnitune.errors import PipelineError

Values = dict[str, Any]
SOURCE = {"a": {"format": "messages", "path": "data/a.jsonl", "use": ["sft", "grpo", "eval"]}}
COLOCATE = {"enabled": True, "rollout": "colocate", "rewards": {"accuracy": 1}}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/a.jsonl").write_text("{}\n")


def refused(**keys: Any) -> str:
    with pytest.raises(PipelineError) as told:
        load({"sources": SOURCE, **keys})
    return str(told.value)


def test_grpo_with_vllm_on_the_scripts_settings_is_refused_with_the_way_out() -> None:
    told = refused(grpo=COLOCATE)
    assert told.startswith(
        "grpo: vLLM's share of each GPU (40 GiB) is 22 GiB too small for the model, and on 4 x 80"
    )
    assert told.endswith(
        "It fits with grpo.deepspeed: zero3, grpo.vllm_tensor_parallel_size: 2, grpo.sleep_level: 1 and "
        "grpo.move_model_batches: 16."
    )
    fits = {"deepspeed": "zero3", "vllm_tensor_parallel_size": 2, "sleep_level": 1, "move_model_batches": 16}
    load({"sources": SOURCE, "grpo": COLOCATE | fits})


def test_a_server_whose_share_cannot_hold_the_model_is_refused_with_the_share_that_can() -> None:
    server = COLOCATE | {"rollout": "server"}
    half = server | {"vllm_gpu_memory_utilization": 0.5}
    assert refused(grpo=half) == (
        "grpo: vLLM's share of each GPU (40 GiB) is 22 GiB too small for the model. It fits with "
        "grpo.deepspeed: zero3 and grpo.vllm_gpu_memory_utilization: 0.8."
    )
    # Its GPUs are its own, so that it has most of them; shorter rows than the longest fit with ZeRO-2 too.
    load({"sources": SOURCE, "grpo": server})
    load({"sources": SOURCE, "grpo": half | {"server": {"gpus": 2, "tensor_parallel": 2}}})


def test_each_experiment_is_judged_by_itself() -> None:
    experiments = {"small": {}, "whole": {"sft": {"tuner": "full", "gpus": 4}}}
    told = refused(experiments=experiments)
    assert told.startswith(
        "experiments.whole.sft: on 4 x 80 GiB each GPU needs 117 GiB, however short the rows are"
    )
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"recipe": "seed"},
        {"sft": {"tuner": "full"}},
        {"grpo": {"enabled": True, "rewards": {"accuracy": 1}}},
        # What is not enabled is not judged, ...
        {"grpo": COLOCATE | {"enabled": False}},
        # ... nor is anything on a CPU, or with a base whose sizes are not known.
        {"device": "cpu", "resources": {"gpu_memory_gib": 1}},
        {"model": {"path": "someone/another-model"}, "resources": {"gpu_memory_gib": 8}},
        # Rows may be shorter than the longest.
        {"sft": {"micro_batch": 4, "max_length": 32768}},
    ],
)
def test_what_may_fit_passes(keys: Values) -> None:
    load({"sources": SOURCE, **keys})


def test_a_tiny_model_is_never_refused() -> None:
    folder = Path("tiny")
    folder.mkdir()
    text = {"hidden_size": 64, "num_hidden_layers": 2, "vocab_size": 640, "num_attention_heads": 4}
    text |= {"num_key_value_heads": 2, "head_dim": 32, "num_experts": 4, "num_experts_per_tok": 2}
    vision = '{"depth": 2, "hidden_size": 64, "intermediate_size": 64}'
    audio = '{"encoder_layers": 2, "d_model": 64, "encoder_ffn_dim": 64}'
    values = str(text | {"moe_intermediate_size": 32}).replace("'", '"')
    folder.joinpath("config.json").write_text(
        f'{{"thinker_config": {{"text_config": {values}, "vision_config": {vision}, "audio_config": {audio}}}}}'
    )
    keys: Values = {"model": {"path": "tiny"}, "resources": {"gpu_memory_gib": 24}, "sources": SOURCE}
    load({**keys, "grpo": COLOCATE, "sft": {"tuner": "full"}})


def test_it_costs_no_start_up() -> None:
    values = {"sources": SOURCE}
    load(values)
    begun = time.process_time()
    for _ in range(20):
        load(values)
    assert (time.process_time() - begun) / 20 < 0.1  # to import what reckons in tensors would take seconds
