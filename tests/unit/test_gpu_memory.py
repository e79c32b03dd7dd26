"""The estimate of a GPU's memory against what was measured, and against what is known to fit."""

from dataclasses import replace

import pytest

from omnitune import gpu_memory
from omnitune.gpu_memory import GIB, Load

LORA = Load(tuner="lora", rank=8, experts=False, deepspeed="zero2", processes=4, tokens=4096)
FULL = replace(LORA, tuner="full", deepspeed="zero3", processes=8, tokens=2048)


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
        (replace(LORA, experts=True), 80, (1, True), True),
        (replace(LORA, experts=True), 141, (1, False), False),
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
