"""The arithmetic against what was measured and published: peaks, and trainings that are known to fit or not to."""

import json
from math import prod
from pathlib import Path
from typing import Any

import pytest
from tally import Count

from omnitune import fit, model_parts, recipes, trainable, weights
from omnitune.config.experiments import Experiment
from omnitune.config.sft import SftConfig
from omnitune.fit import amounts
from omnitune.fit.shape import PUBLISHED, PUBLISHED_TEXT, measured

OMNI = fit.shape_of("Qwen/Qwen3-Omni-30B-A3B-Instruct")
assert OMNI
# The model of the measurements: real width, random weights, 8 layers (6.78 B parameters).
EIGHT = measured(PUBLISHED | {"text_config": PUBLISHED_TEXT | {"num_hidden_layers": 8}})
FULL = {"tuner": "full", "deepspeed": "zero3", "tokens": 2048}


def test_sizes_are_those_of_the_checkpoint() -> None:
    assert OMNI.thinker * 2 / 1e9 == pytest.approx(63.4, abs=0.05)  # GB on every GPU, by its weight files
    assert (OMNI.thinker + OMNI.rest) * 2 / 1e9 == pytest.approx(70.5, abs=0.5)
    assert OMNI.text == pytest.approx(30.5e9, rel=0.005)
    assert OMNI.active == pytest.approx(3.04e9, rel=0.005)
    assert OMNI.trained("lora", 8, ["llm"], experts=False) == 6_684_672  # as ms-swift counts it
    assert EIGHT.thinker == pytest.approx(6.8e9, rel=0.005)


def test_linear_layers_are_those_of_a_checkpoint(tiny_model: Path) -> None:
    """Of the tiny model, by its config.json here, and by its weight files."""
    by_config, by_weights = fit.shape_of(str(tiny_model)), model_parts.shapes(weights.tensors(tiny_model))
    assert by_config
    for group in model_parts.GROUPS:
        assert by_config.features[group] == sum(map(sum, by_weights.linear[group].values())), group
        if group != "llm":
            assert by_config.parameters[group] == sum(map(prod, by_weights.linear[group].values())), group
    settings = recipes.fill_sft(
        SftConfig(lora={"rank": 2, "experts": True, "dropout": 0}, freeze_audio=False, freeze_aligner=False),
        recipe="seed", gpu_memory_gib=80, device="cuda",
    )  # fmt: skip
    contract = sum(trainable.expected(settings, by_weights).values())
    assert by_config.trained("lora", 2, trainable.opened(settings), experts=True) == contract


# Bytes of a trained parameter: bf16 gradient, and float32 weight and two moments of AdamW.
@pytest.mark.parametrize(
    ("opened", "billions"),
    [
        (("llm",), 30.53),
        (("llm", "vision", "audio", "aligner"), 30.53 + 0.41 + 0.64 + 0.13),
        (("audio",), 0.64),
        (("vision", "aligner"), 0.41 + 0.13),
    ],
)
def test_opened_towers_have_gradients_and_an_optimizer(opened: tuple[str, ...], billions: float) -> None:
    setup = fit.Setup(OMNI, 8, 80, **FULL | {"opened": opened})
    states = fit.need(setup).moments["train"]
    assert states["gradients"] * 2**30 == pytest.approx(2 * billions * 1e9 / 8, rel=0.01)
    assert states["optimizer"] * 2**30 == pytest.approx(12 * billions * 1e9 / 8, rel=0.01)
    assert states["weights"] * 2**30 == pytest.approx(63.4e9 / 8, rel=0.01)


def test_what_a_config_opens_is_what_is_reckoned() -> None:
    keys = {"freeze_vit": False, "freeze_vision": True, "lora": {"experts": True, "dropout": 0}}
    settings = recipes.fill_sft(SftConfig(**keys), recipe="seed", gpu_memory_gib=80, device="cuda")
    setup = fit.of_experiment(settings, Experiment.model_construct(sft=settings, grpo=None), OMNI, 80)
    assert (setup.opened, setup.experts) == (["llm", "audio"], True)
    assert setup.trained == 8 * (835_584 + 746_240 + 39_321_600)


# Peak of a step less what lies there between steps, GiB, one H200, torch 2.11.0, 2026-11-29: transformers 5.17.0,
# and (the last five) 5.19.0 by benchmarks/gpu/bench_memory.py.
@pytest.mark.parametrize(
    ("layers", "experts", "checkpointing", "micro", "tokens", "gib"),
    [
        (8, False, True, 1, 2048, 4.14),
        (8, False, True, 4, 2048, 16.56),
        (8, False, False, 1, 4096, 12.90),
        (8, False, False, 4, 2048, 25.79),
        (16, False, True, 1, 4096, 8.40),
        (16, False, False, 2, 2048, 17.62),
        (16, False, False, 4, 2048, 35.24),
        (4, False, False, 4, 2048, 19.06),
        (8, False, True, 4, 2048, 14.24),
        (8, False, False, 4, 2048, 24.09),
        (8, True, True, 1, 2048, 3.71),
        (8, True, False, 1, 2048, 15.71),
    ],
)
def test_a_step_takes_no_more_than_is_reckoned_and_not_much_less(
    layers: int, experts: bool, checkpointing: bool, micro: int, tokens: int, gib: float
) -> None:
    shape = measured(PUBLISHED | {"text_config": PUBLISHED_TEXT | {"num_hidden_layers": layers}})
    setup = fit.Setup(
        shape, 1, 141, experts=experts, micro_batch=micro, tokens=tokens, gradient_checkpointing=checkpointing
    )
    parts = fit.need(setup).moments["train"]
    reckoned = parts["activations"] + parts.get("adapted experts", 0)
    assert 0.99 * gib <= reckoned <= 1.17 * gib


# One H100 80GB, ms-swift 4.6.0, torch 2.11.0, 2026-11-24; text rows of about 300 tokens, 365 the longest of a
# batch; 128 new tokens. The peak is torch's own: what CUDA reserves is not in it.
MEASURED = [
    ({"micro_batch": 1, "gradient_checkpointing": True}, 13.4),
    ({"micro_batch": 4, "gradient_checkpointing": True}, 15.4),
    ({"micro_batch": 8, "gradient_checkpointing": True}, 18.8),
    ({"micro_batch": 1, "gradient_checkpointing": False}, 13.8),
    ({"micro_batch": 4, "gradient_checkpointing": False}, 17.3),
    ({"micro_batch": 8, "tokens": 493, "sampled": 8}, 20.8),
    ({"micro_batch": 8, "tokens": 493, "colocate": True, "vllm_gpu_memory_utilization": 0.4}, 52.8),
]


@pytest.mark.parametrize(("keys", "peak"), MEASURED)
def test_the_peak_is_within_5_percent_of_the_measured(keys: dict[str, Any], peak: float) -> None:
    setup = fit.Setup(EIGHT, gpus=1, gpu_gib=80, **{"deepspeed": "none", "tokens": 365} | keys)
    assert fit.need(setup).peak == pytest.approx(peak, rel=0.05)


VLLM = {"colocate": True, "tokens": 8192 + 2048, "micro_batch": 2}
SERVER = {"vllm_gpu_memory_utilization": 0.9}
SHARED = {"deepspeed": "zero3", "sleep_level": 1, "move_model_batches": 10}
# name -> (where it was published, or why it must be so, GPUs, GiB of each, keys, what the planner must say of the
# 30B model).
FITS, NOT, UNSURE = "fits", "cannot fit", "may fit"
PUBLISHED_TRAININGS: dict[str, tuple[str, int, float, dict[str, Any], str]] = {
    "LoRA, ZeRO-2": ("qwen3_omni_sft_lora.sh: 4 x A100 80 GB", 4, 80, {}, FITS),
    "LoRA on one GPU": ("63.4 GB of weights and little else: 1 x 80 GB", 1, 80, {"deepspeed": "none"}, FITS),
    "LoRA, ZeRO-2, 40 GB": ("63.4 GB of weights on every GPU", 4, 40, {}, NOT),
    "LoRA, two GPUs of 60 GiB": (
        "ms-swift's example for Qwen3-Omni: ZeRO-3, batch 8, 2 x 60 GiB in use",
        2, 64, {"deepspeed": "zero3", "micro_batch": 8, "tokens": 2048}, UNSURE,  # few rows are that long
    ),
    "LoRA, two GPUs of 48 GiB": (
        "ms-swift's example for Qwen3-Omni: the layers over 2 x 48 GiB", 2, 48, {"deepspeed": "zero3"}, FITS,
    ),
    "all weights, 8 x 80": ("qwen3_omni_sft_full.sh: 8 x A100 80 GB", 8, 80, FULL, FITS),
    "all weights, 16 x 40": ("qwen3_omni_sft_full.sh: 16 x 40 GB", 16, 40, FULL, FITS),
    "all weights, 8 x 40": ("490 GB of states, by ms-swift", 8, 40, FULL, NOT),
    "all weights, 4 x 80": ("490 GB of states, by ms-swift", 4, 80, FULL, NOT),
    "all weights, ZeRO-2": ("weights are not shared out by ZeRO-2", 8, 80, FULL | {"deepspeed": "zero2"}, NOT),
    "GRPO": ("qwen3_omni_grpo.sh: 4 x A100 80 GB", 4, 80, {"tokens": 4096 + 2048, "sampled": 2}, FITS),
    "GRPO, vLLM, ZeRO-2": ("qwen3_omni_grpo_vllm.sh: 63.4 GB twice on 80", 4, 80, VLLM, NOT),
    "GRPO, vLLM, upstream": (
        "ms-swift's example for 30B-A3B: 8 x 80 GB, ZeRO-3, TP 2, 0.4, sleep level 1, both offloaded, 10 parts",
        8, 80,
        SHARED | {"colocate": True, "tokens": 4096 + 2048, "vllm_tensor_parallel_size": 2}
        | {"vllm_gpu_memory_utilization": 0.4, "offload_model": True, "offload_optimizer": True},
        FITS,
    ),
    "GRPO, vLLM, verl-omni": (
        "verl-omni's GSPO: LoRA of rank 32, sharded, 4 x H800 80 GB, 43 GB (text) to 59 GB (images) in use",
        4, 80,
        SHARED | {"rank": 32, "colocate": True, "tokens": 4096, "vllm_tensor_parallel_size": 4}
        | {"vllm_gpu_memory_utilization": 0.5},
        FITS,
    ),
    "GRPO, vLLM, NeMo": (
        "NeMo RL's GRPO of Omni on audio: 4 x 8 GPUs", 32, 80,
        SHARED | {"colocate": True, "tokens": 4096, "vllm_tensor_parallel_size": 4}, FITS,
    ),
    "GRPO, vLLM, ZeRO-3 at once": (
        "ms-swift gathers all weights at once to hand them over, unless move_model_batches is set",
        4, 80, VLLM | {"deepspeed": "zero3", "vllm_tensor_parallel_size": 2}, NOT,
    ),
    "GRPO, ZeRO-3": (
        "arithmetic: ms-swift gathers 63.4 GB on every GPU to sample by transformers",
        8, 40, {"deepspeed": "zero3", "tokens": 4096 + 2048, "sampled": 2}, NOT,
    ),
    "GRPO, ZeRO-3, not gathered": (
        "the same with ds3_gather_for_generation: false", 8, 40,
        {"deepspeed": "zero3", "tokens": 1024, "sampled": 2, "gathers": False}, FITS,
    ),
    "GRPO, server, ZeRO-3": (
        "arithmetic: 63.4 GB are gathered at once to be sent to the server",
        8, 40, {"deepspeed": "zero3", "tokens": 1024, "server_gpus": 2, "server_tensor_parallel": 2} | SERVER, NOT,
    ),
    "GRPO, server, ZeRO-3, in parts": (
        "the same in 16 parts",
        8, 40,
        {"deepspeed": "zero3", "tokens": 1024, "server_gpus": 2, "server_tensor_parallel": 2}
        | SERVER | {"move_model_batches": 16},
        FITS,
    ),
    "LoRA, long rows in large batches": ("2.1 MB of logits a token", 4, 80, {"micro_batch": 8}, UNSURE),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED_TRAININGS)
def test_published_trainings_are_judged_as_they_went(name: str, count: Count) -> None:
    _, gpus, gib, keys, said = PUBLISHED_TRAININGS[name]
    setup = fit.Setup(OMNI, gpus, gib, **keys)
    found = fit.need(setup)
    assert (found.fits(gib), found.impossible(gib)) == {
        FITS: (True, False), NOT: (False, True), UNSURE: (False, False)
    }[said], found  # fmt: skip
    count("published trainings judged as they went")


def test_an_adapter_is_in_float32_where_no_deepspeed_keeps_one() -> None:
    adapted = {"experts": True, "colocate": True, "vllm_gpu_memory_utilization": 0.4}
    plain, zero2 = (
        fit.need(fit.Setup(OMNI, 1, 141, deepspeed=name, **adapted)).moments["sync"] for name in ("none", "zero2")
    )
    billions = OMNI.trained("lora", 8, ["llm"], experts=True) / 1e9 * 0.9313
    assert plain["gradients"] == pytest.approx(4 * billions, rel=0.01)
    assert plain["optimizer"] == pytest.approx(8 * billions, rel=0.01)
    assert zero2["gradients"] == pytest.approx(2 * billions, rel=0.01)
    # The larger tensor of a layer's experts has 403 M values.
    assert plain["merged experts"] == pytest.approx(12 * 0.403 * 0.9313, rel=0.01)
    assert zero2["merged experts"] == pytest.approx(8 * 0.403 * 0.9313, rel=0.01)


def test_states_are_what_was_published() -> None:
    states = fit.need(fit.Setup(OMNI, 1, 80, **FULL)).moments["train"]
    gb = sum(states[name] for name in ("weights", "gradients", "optimizer")) * 1.0737
    assert gb == pytest.approx(490, rel=0.01)


@pytest.mark.parametrize("name", [name for name, row in PUBLISHED_TRAININGS.items() if row[-1] != FITS])
def test_what_is_advised_fits(name: str) -> None:
    from dataclasses import replace

    _, gpus, gib, keys, _ = PUBLISHED_TRAININGS[name]
    setup = fit.Setup(OMNI, gpus, gib, **keys)
    changes = fit.remedy(setup)
    assert changes
    assert fit.need(replace(setup, **changes)).fits(gib)
    for key in changes:  # each of them is needed
        fewer = {name: value for name, value in changes.items() if name != key}
        assert not fit.need(replace(setup, **fewer)).fits(gib), key


def test_zero2_with_vllm_beside_it_is_refused_with_the_setting_that_fits() -> None:
    assert fit.refusal("grpo", fit.Setup(OMNI, 4, 80, **VLLM)) == (
        "vLLM's share of each GPU (40 GiB) is 22 GiB too small for the model, and on 4 x 80 GiB each GPU needs 99 "
        "GiB, however short the rows are, in a step (weights 59.1, vLLM 40.0). It fits with "
        "grpo.deepspeed: zero3, grpo.vllm_tensor_parallel_size: 2, grpo.sleep_level: 1 and "
        "grpo.move_model_batches: 16."
    )


def test_a_server_is_not_told_to_share_a_copy_over_more_gpus_than_it_has() -> None:
    served = {"server_tensor_parallel": 1, "tokens": 8192, "deepspeed": "zero3", "move_model_batches": 16}
    one, two = (fit.Setup(OMNI, 4, 40, server_gpus=gpus, **served) for gpus in (1, 2))
    assert fit.remedy(one) == {"server_tensor_parallel": 4, "server_gpus": 4}
    assert fit.remedy(two) == {"vllm_gpu_memory_utilization": 0.8, "server_tensor_parallel": 2}


def test_what_nothing_helps_is_said() -> None:
    tall = measured(PUBLISHED | {"text_config": PUBLISHED_TEXT | {"vocab_size": 10_000_000}})
    assert fit.refusal("sft", fit.Setup(tall, 1, 4)).endswith("Nothing here makes it fit: take larger GPUs.")


def test_host_memory_disk_and_time() -> None:
    lora, full = fit.Setup(OMNI, 4, 80), fit.Setup(OMNI, 8, 80, **FULL)
    assert amounts.host_gib(lora) == 0
    offloaded = fit.Setup(OMNI, 8, 80, **FULL | {"deepspeed": "zero3_offload"})
    assert amounts.host_gib(offloaded) == pytest.approx((12 * OMNI.text + 2 * OMNI.thinker) / 2**30)
    asleep = fit.Setup(OMNI, 4, 80, **VLLM | {"sleep_level": 1, "offload_model": True})
    assert amounts.host_gib(asleep) == pytest.approx(8 * 59.05, rel=0.01)
    assert amounts.checkpoints_gb(full, 2) == pytest.approx(3 * 427, rel=0.01)
    assert amounts.checkpoints_gb(lora, 3) < 1
    assert amounts.hours(lora, 5000 * 3600 * 4) == pytest.approx(1, rel=0.01)
    assert amounts.hours(fit.Setup(EIGHT, 1, 80), 1e6) is None


def test_a_model_in_a_folder_is_measured_and_an_unknown_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"thinker_config": PUBLISHED}))
    local = fit.shape_of(str(tmp_path))
    assert local
    assert local.parameters == OMNI.parameters
    shorter = {"vision_config": {"depth": 27}, "audio_config": {"num_mel_bins": 128}}
    (tmp_path / "config.json").write_text(json.dumps({"thinker_config": PUBLISHED | shorter}))
    assert fit.shape_of(str(tmp_path)) == local
    assert fit.shape_of("qwen/qwen3-omni-30b-a3b-thinking") == OMNI
    assert fit.shape_of("someone/another-model") is None
    (tmp_path / "config.json").write_text("{}")
    assert fit.shape_of(str(tmp_path)) is None
    (tmp_path / "config.json").write_text("no JSON")
    assert fit.shape_of(str(tmp_path)) is None
