"""The estimate of a GPU's memory against what was measured, and against what is known to fit."""

from dataclasses import replace

import pytest

from omnitune import gpu_memory, recipes
from omnitune.config.sft import SftConfig
from omnitune.fit.shape import PUBLISHED, measured
from omnitune.gpu_memory import GIB, Load

OMNI = measured(PUBLISHED)
LORA = Load(
    trained=OMNI.trained("lora", 8, ["llm"], experts=False), experts=False, deepspeed="zero2", processes=4,
    tokens=4096,
)  # fmt: skip
EXPERTS = replace(LORA, trained=OMNI.trained("lora", 8, ["llm"], experts=True), experts=True)
FULL = replace(LORA, trained=OMNI.text, deepspeed="zero3", processes=8, tokens=2048)


@pytest.mark.parametrize(
    ("layers", "checkpointing", "micro", "tokens", "gib"),
    [
        # Peak of a step less what lies there between steps, GiB, one H200, 2026-11-29.
        (8, True, 1, 2048, 4.14),
        (8, True, 4, 2048, 16.56),
        (8, False, 1, 4096, 12.90),
        (8, False, 4, 2048, 25.79),
        (16, True, 1, 4096, 8.40),
        (16, False, 2, 2048, 17.62),
        (16, False, 4, 2048, 35.24),
    ],
)
def test_a_step_takes_what_was_measured(monkeypatch, layers, checkpointing, micro, tokens, gib):
    monkeypatch.setattr(gpu_memory, "LAYERS", layers)
    load = replace(LORA, tokens=tokens)
    step = load.need(micro, checkpointing) - load._states() / GIB
    assert step == pytest.approx(gib, rel=0.02)


@pytest.mark.parametrize(
    ("load", "gib", "shape", "fits"),
    [
        (LORA, 80, (1, True), True),  # the script's own shape on its own GPUs
        (LORA, 80, (1, False), False),
        (LORA, 40, (1, True), False),
        (FULL, 80, (1, True), True),  # the same of all weights
        (replace(FULL, processes=1), 141, (1, True), False),
        (replace(FULL, deepspeed="zero2"), 80, (1, True), False),
        (replace(FULL, deepspeed="zero3_offload", processes=2), 40, (1, True), True),
        (EXPERTS, 80, (1, True), True),
        (EXPERTS, 141, (1, False), False),
        (LORA, 141, (1, False), True),
    ],
)
def test_what_fits_and_what_does_not(load: Load, gib: int, shape: tuple[int, bool], fits: bool):
    assert load.fits(gib, *shape) is fits


def test_more_processes_take_less_each_where_they_share():
    assert replace(FULL, processes=16).need(1, True) < FULL.need(1, True)
    assert replace(FULL, deepspeed="none", processes=16).need(1, True) == replace(FULL, deepspeed="none").need(
        1, True
    )


def test_recipes_reckon_with_opened_towers():
    def most(**keys: bool) -> int | None:
        """The micro-batch of `fast` on a GPU that just holds one of four rows without the towers."""
        settings = SftConfig(tuner="full", deepspeed="zero3", gpus=16, max_length=2048, **keys)
        return recipes.fill_sft(settings, recipe="fast", gpu_memory_gib=54, device="cuda").micro_batch

    assert (most(), most(freeze_vit=False, freeze_aligner=False)) == (4, 2)
