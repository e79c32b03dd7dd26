"""What unset keys become, and the arithmetic of the batch."""

import pytest

from omnitune import recipes
from omnitune.config.sft import SftConfig
from omnitune.errors import PipelineError


def fill(*, recipe: str = "fast", memory: int = 80, device: str = "cuda", **keys) -> SftConfig:
    return recipes.fill_sft(SftConfig(**keys), recipe=recipe, gpu_memory_gib=memory, device=device)


@pytest.mark.parametrize("recipe", ["fast", "seed"])
@pytest.mark.parametrize("tuner", ["lora", "full"])
@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_no_key_stays_unset(recipe, tuner, device):
    filled = fill(recipe=recipe, tuner=tuner, device=device)
    assert [name for name, value in filled if value is None] == ["resume_adapter"]
    SftConfig.model_validate(filled.model_dump())  # model_copy checks nothing


def test_the_objective_is_the_same_in_both_recipes():
    speed = {
        "micro_batch",
        "gradient_accumulation",
        "gradient_checkpointing",
        "dataloader_workers",
        "padding_free",
    }
    for tuner, gpus in (("lora", 4), ("full", 8)):
        seed, fast = (fill(recipe=recipe, tuner=tuner, gpus=gpus).model_dump() for recipe in ("seed", "fast"))
        assert {name for name in seed if seed[name] != fast[name]} <= speed
        assert fast["effective_batch"] == seed["effective_batch"]


def test_what_is_set_is_kept_even_when_it_is_zero_or_false():
    filled = fill(dataloader_workers=0, freeze_vit=False, warmup_ratio=0, epochs=7, deepspeed="zero3")
    assert (filled.dataloader_workers, filled.freeze_vit, filled.warmup_ratio) == (0, False, 0)
    assert (filled.epochs, filled.deepspeed) == (7, "zero3")


@pytest.mark.parametrize(
    ("memory", "length", "shape"),
    [
        (141, 4096, (4, True)),
        (141, 2048, (2, False)),
        (141, 1024, (4, False)),
        (80, 4096, (1, True)),
        (80, 2048, (2, True)),
        (80, 1024, (4, True)),
        (1, 64, (1, True)),
    ],
)
def test_fast_takes_the_fastest_shape_that_fits_the_memory(memory: int, length: int, shape: tuple[int, bool]):
    filled = fill(memory=memory, max_length=length)
    assert (filled.micro_batch, filled.gradient_checkpointing) == shape
    assert filled.micro_batch * filled.gradient_accumulation * 4 == filled.effective_batch == 16


def test_fast_computes_twice_only_where_memory_needs_it():
    assert fill(memory=141, max_length=2048, micro_batch=2).gradient_checkpointing is False
    assert fill(memory=141, max_length=2048, micro_batch=4).gradient_checkpointing is True
    assert fill(memory=80, gradient_checkpointing=False).gradient_checkpointing is False
    assert fill(memory=141, max_length=2048, gradient_checkpointing=True).micro_batch == 4
    experts = {"experts": True, "dropout": 0}
    assert fill(memory=141, max_length=1024, lora=experts).gradient_checkpointing is True


def test_a_batch_that_no_larger_shape_divides_is_taken_smaller():
    filled = fill(memory=141, max_length=1024, effective_batch=12)
    assert (filled.micro_batch, filled.gradient_accumulation) == (3, 1)


def test_padding_is_left_out_by_fast_on_gpus_where_it_can_be():
    assert (fill().padding_free, fill(device="cpu").padding_free) == ("auto", False)
    assert (fill(recipe="seed").padding_free, fill(padding_free=False).padding_free) == (False, False)


def test_a_tower_follows_freeze_vit_unless_it_is_named():
    towers = [
        (f.freeze_vision, f.freeze_audio) for f in (fill(), fill(freeze_vit=False), fill(freeze_audio=False))
    ]
    assert towers == [(True, True), (False, False), (True, False)]
    assert fill(freeze_vit=False, freeze_vision=True).freeze_vision is True


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        # micro_batch, gradient_accumulation, effective_batch on 4 GPUs, where 2 rows of 2048 tokens fit one
        ({}, (2, 2, 16)),
        ({"gpus": 1}, (2, 8, 16)),
        ({"gpus": 16}, (1, 1, 16)),
        ({"micro_batch": 4}, (4, 1, 16)),
        ({"micro_batch": 1}, (1, 4, 16)),
        ({"effective_batch": 12}, (3, 1, 12)),
        ({"effective_batch": 24}, (3, 2, 24)),
        ({"gradient_accumulation": 8}, (2, 8, 64)),
        ({"micro_batch": 3, "gradient_accumulation": 5}, (3, 5, 60)),
        ({"effective_batch": 64, "gradient_accumulation": 2}, (8, 2, 64)),
        ({"effective_batch": 64, "micro_batch": 4}, (4, 4, 64)),
        ({"effective_batch": 64, "micro_batch": 4, "gradient_accumulation": 4}, (4, 4, 64)),
    ],
)
def test_the_batch_keys_agree_with_each_other(keys, expected):
    filled = fill(max_length=2048, **keys)
    assert (filled.micro_batch, filled.gradient_accumulation, filled.effective_batch) == expected
    assert filled.micro_batch * filled.gradient_accumulation * filled.gpus == filled.effective_batch


def test_seed_fixes_the_factors_and_a_user_can_fix_the_product():
    assert fill(recipe="seed", gpus=2).effective_batch == 8
    filled = fill(recipe="seed", effective_batch=32)
    assert (filled.micro_batch, filled.gradient_accumulation) == (1, 8)


def test_a_cpu_is_one_process_whatever_gpus_and_deepspeed_say():
    filled = fill(device="cpu", gpus=4, deepspeed="zero3", effective_batch=6, micro_batch=3)
    assert (filled.gradient_accumulation, filled.deepspeed, filled.dataloader_workers) == (2, "none", 0)
    assert filled.processes == 1


def test_a_cpu_is_as_many_processes_as_are_asked_for():
    filled = fill(device="cpu", processes=2, effective_batch=6, micro_batch=3)
    assert (filled.processes, filled.gradient_accumulation, filled.deepspeed) == (2, 1, "none")
    assert fill(device="cpu", processes=2, deepspeed="zero2").deepspeed == "zero2"
    assert fill(device="cpu", processes=1, deepspeed="zero2").deepspeed == "zero2"


def test_with_gpus_there_is_one_process_each():
    assert fill(gpus=3, effective_batch=6).processes == 3
    with pytest.raises(PipelineError, match=r"processes is for device: cpu; .* Remove it, or set gpus\."):
        fill(processes=2)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"effective_batch": 10},
            "effective_batch 10 cannot be shared by 4 processes. "
            "Set effective_batch to a multiple of 4, or change their number.",
        ),
        (
            {"effective_batch": 16, "micro_batch": 3},
            "micro_batch 3 x gradient_accumulation ? x 4 processes is not effective_batch 16. "
            "Make the three agree, or leave gradient_accumulation unset.",
        ),
        (
            {"effective_batch": 16, "micro_batch": 2, "gradient_accumulation": 4},
            "micro_batch 2 x gradient_accumulation 4 x 4 processes is not effective_batch 16. "
            "Make the three agree, or leave gradient_accumulation unset.",
        ),
        (
            {"effective_batch": 16, "gradient_accumulation": 8},
            "micro_batch ? x gradient_accumulation 8 x 4 processes is not effective_batch 16. "
            "Make the three agree, or leave gradient_accumulation unset.",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_told(keys, sentence):
    with pytest.raises(PipelineError) as refused:
        fill(**keys)
    assert str(refused.value) == sentence
