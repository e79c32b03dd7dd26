"""What a setting is when the config leaves it unset: one table by (stage, tuner, rollout).

The objective (epochs, learning rate, schedule, effective batch, lengths) is that of the bash scripts in both
recipes. `seed` also takes micro-batch, accumulation, checkpointing and loader from them; `fast` chooses
those by the memory of the GPU (`fit/memory.py`) and keeps the effective batch.
"""

from dataclasses import replace
from typing import Any, Literal

from omnitune import trainable
from omnitune.config.grpo import GrpoConfig
from omnitune.config.sft import SftConfig
from omnitune.config.training import TrainingConfig
from omnitune.errors import PipelineError
from omnitune.fit.memory import need
from omnitune.fit.setup import Setup
from omnitune.fit.shape import PUBLISHED, measured

Recipe = Literal["fast", "seed"]
Key = tuple[str, ...]

_GRPO = {
    "gpus": 4, "epochs": 1, "learning_rate": 1e-5, "lr_scheduler": "cosine",
    "warmup_ratio": 0.05, "max_length": 4096, "effective_batch": 8, "deepspeed": "zero2",
    "freeze_vit": True, "freeze_aligner": True,
    "eval_steps": 100, "save_steps": 100, "save_total_limit": 2, "logging_steps": 5, "dataset_workers": 4,
    "num_generations": 4, "max_completion_length": 2048, "temperature": 1.0, "top_p": 0.99, "top_k": 50,
    "vllm_gpu_memory_utilization": 0.5,
}  # fmt: skip
_GRPO_VLLM = _GRPO | {"max_length": 8192, "num_generations": 8}
_GRPO_SERVER = _GRPO_VLLM | {"vllm_gpu_memory_utilization": 0.9}  # its GPUs are its own
# No script trains all weights on rewards: these take ZeRO-3 and a tenth of the learning rate.
_ALL_WEIGHTS = {"learning_rate": 1e-6, "deepspeed": "zero3"}

# qwen3_omni_sft_lora.sh, _sft_full.sh, _grpo.sh and _grpo_vllm.sh.
OBJECTIVE: dict[Key, dict[str, Any]] = {
    ("sft", "lora"): {
        "gpus": 4, "epochs": 3, "learning_rate": 1e-4, "lr_scheduler": "cosine",
        "warmup_ratio": 0.05, "max_length": 4096, "effective_batch": 16, "deepspeed": "zero2",
        "freeze_vit": True, "freeze_aligner": True,
        "eval_steps": 100, "save_steps": 100, "save_total_limit": 3, "logging_steps": 10, "dataset_workers": 4,
    },
    ("sft", "full"): {
        "gpus": 8, "epochs": 1, "learning_rate": 1e-5, "lr_scheduler": "cosine",
        "warmup_ratio": 0.05, "max_length": 2048, "effective_batch": 64, "deepspeed": "zero3",
        "freeze_vit": True, "freeze_aligner": True,
        "eval_steps": 100, "save_steps": 100, "save_total_limit": 2, "logging_steps": 10, "dataset_workers": 4,
    },
    ("grpo", "lora", "transformers"): _GRPO,
    ("grpo", "full", "transformers"): _GRPO | _ALL_WEIGHTS,
    ("grpo", "lora", "colocate"): _GRPO_VLLM,
    ("grpo", "full", "colocate"): _GRPO_VLLM | _ALL_WEIGHTS,
    ("grpo", "lora", "server"): _GRPO_SERVER,
    ("grpo", "full", "server"): _GRPO_SERVER | _ALL_WEIGHTS,
}  # fmt: skip

_SEED_GRPO = {
    "micro_batch": 1, "gradient_accumulation": 2, "gradient_checkpointing": True, "dataloader_workers": 4,
}  # fmt: skip
_SEED_GRPO_VLLM = _SEED_GRPO | {"micro_batch": 2, "gradient_accumulation": 1}
SEED: dict[Key, dict[str, Any]] = {
    ("sft", "lora"): {
        "micro_batch": 1, "gradient_accumulation": 4, "gradient_checkpointing": True, "dataloader_workers": 4,
        "padding_free": False,
    },
    ("sft", "full"): {
        "micro_batch": 1, "gradient_accumulation": 8, "gradient_checkpointing": True, "dataloader_workers": 4,
        "padding_free": False,
    },
    ("grpo", "lora", "transformers"): _SEED_GRPO,
    ("grpo", "full", "transformers"): _SEED_GRPO,
    ("grpo", "lora", "colocate"): _SEED_GRPO_VLLM,
    ("grpo", "full", "colocate"): _SEED_GRPO_VLLM,
    ("grpo", "lora", "server"): _SEED_GRPO_VLLM,
    ("grpo", "full", "server"): _SEED_GRPO_VLLM,
}  # fmt: skip

# Rows of a micro-batch that `fast` tries for sft, at most.
FAST_SFT = 8
# Of GRPO nothing of the kind was measured: from the least memory (GiB) of a GPU, on the safe side.
FAST_GRPO = ((120, 2), (0, 1))
# One process that reads media keeps up with some 20 rows a second, and video takes longer.
FAST_WORKERS = 8
_CPU_MICRO_BATCH = 4

CPU = {
    "processes": 1, "deepspeed": "none", "gradient_checkpointing": False, "dataloader_workers": 0,
    "dataset_workers": 1, "padding_free": False,
}  # fmt: skip


def fill_sft(sft: SftConfig, *, recipe: Recipe, gpu_memory_gib: int, device: Literal["cuda", "cpu"]) -> SftConfig:
    """The section with every unset key filled in and the batch arithmetic done.

    On return micro_batch x gradient_accumulation x processes equals effective_batch.

    Raises:
        PipelineError: when the batch keys contradict each other or do not divide; `where` is left to the caller.
    """
    return sft.model_copy(update=_filled(sft, ("sft", sft.tuner), recipe, gpu_memory_gib, device))


def fill_grpo(
    grpo: GrpoConfig, *, recipe: Recipe, gpu_memory_gib: int, device: Literal["cuda", "cpu"]
) -> GrpoConfig:
    """As `fill_sft`; effective_batch counts completions, so that it holds whole groups of num_generations."""
    key = ("grpo", grpo.tuner, grpo.rollout)
    filled = grpo.model_copy(update=_filled(grpo, key, recipe, gpu_memory_gib, device))
    assert filled.effective_batch
    assert filled.num_generations
    # The scripts' factors make whole groups on their four GPUs; elsewhere it matters only to who trains so.
    if filled.enabled and filled.effective_batch % filled.num_generations:
        raise PipelineError(
            f"effective_batch {filled.effective_batch} holds no whole groups of "
            f"num_generations {filled.num_generations}",
            fix="Set effective_batch to a multiple of num_generations.",
        )
    return filled


def _filled(
    section: TrainingConfig, key: Key, recipe: Recipe, gpu_memory_gib: int, device: Literal["cuda", "cpu"]
) -> dict[str, Any]:
    names = type(section).model_fields
    chosen = {name: value for name in names if (value := getattr(section, name)) is not None}
    defaults = OBJECTIVE[key] | (SEED[key] if recipe == "seed" else {"dataloader_workers": FAST_WORKERS})
    if device == "cpu":
        defaults |= {name: value for name, value in CPU.items() if name in names}
        if "processes" not in chosen:  # a preset for GPUs, written into the config that the CPU is tried with
            chosen.pop("deepspeed", None)
    elif "processes" in chosen:
        raise PipelineError(
            "processes is for device: cpu; with GPUs there is one process each", fix="Remove it, or set gpus."
        )
    else:
        defaults["processes"] = chosen.get("gpus", defaults["gpus"])
    # What is not said of a tower is said of both.
    defaults |= dict.fromkeys(("freeze_vision", "freeze_audio"), (defaults | chosen)["freeze_vit"])
    filled = defaults | chosen
    if recipe == "fast":
        defaults |= _fast(section, key, filled, gpu_memory_gib, device)
    filled = defaults | chosen | _batch(chosen, defaults, filled["processes"])
    if "gradient_checkpointing" not in filled:
        setup = _setup(section, filled, gpu_memory_gib)
        filled["gradient_checkpointing"] = not _fits(setup, filled["micro_batch"], checkpointing=False)
    return filled


def _fast(
    section: TrainingConfig, key: Key, filled: dict[str, Any], gib: int, device: Literal["cuda", "cpu"]
) -> dict[str, Any]:
    """The largest micro-batch that is worth it and fits; checkpointing, of sft, follows from what it becomes."""
    if device == "cpu":
        return {"micro_batch": _CPU_MICRO_BATCH}
    if key[0] == "grpo":
        micro = next(micro for least, micro in FAST_GRPO if gib >= least)
        return {"micro_batch": micro, "gradient_checkpointing": True}
    setup = _setup(section, filled, gib)
    rows = filled["effective_batch"] // filled["processes"]
    wanted = filled.get("gradient_checkpointing")
    shapes = [
        (micro, twice)
        for micro in range(1, FAST_SFT + 1)
        for twice in (False, True)
        if rows % micro == 0 and wanted in (None, twice) and _fits(setup, micro, twice)
    ]
    micro, _ = max(shapes, key=_speed, default=(1, True))
    return {"micro_batch": micro, "padding_free": "auto"}


def _speed(shape: tuple[int, bool]) -> tuple[float, bool]:
    """How shapes compare: a micro-batch takes about the same time however many rows it has, and twice that with
    checkpointing (docs/design.md, section 10).
    """
    micro, twice = shape
    return micro / (2 if twice else 1), not twice


def _setup(section: TrainingConfig, filled: dict[str, Any], gib: int) -> Setup:
    """The training as its memory depends on it, for the 30B: other bases are smaller."""
    return Setup(
        shape=measured(PUBLISHED),
        gpus=filled["processes"],
        gpu_gib=gib,
        tuner=section.tuner,
        rank=section.lora.rank,
        opened=trainable.opened(section.model_copy(update=filled)),
        experts=section.tuner == "lora" and section.lora.experts,
        deepspeed=filled["deepspeed"],
        tokens=filled["max_length"],
    )


def _fits(setup: Setup, micro_batch: int, checkpointing: bool) -> bool:
    shape = replace(setup, micro_batch=micro_batch, gradient_checkpointing=checkpointing)
    return need(shape).fits(setup.gpu_gib)


def _batch(chosen: dict[str, Any], defaults: dict[str, Any], processes: int) -> dict[str, int]:
    """micro_batch, gradient_accumulation and effective_batch that agree with each other."""
    micro, accumulation = chosen.get("micro_batch"), chosen.get("gradient_accumulation")
    effective = chosen.get("effective_batch")
    # The scripts fix the factors and let the effective batch follow; so does a user who sets both.
    if effective is None and (accumulation or "gradient_accumulation" in defaults):
        micro = micro or defaults["micro_batch"]
        accumulation = accumulation or defaults["gradient_accumulation"]
        return {
            "micro_batch": micro,
            "gradient_accumulation": accumulation,
            "effective_batch": micro * accumulation * processes,
        }
    effective = effective or defaults["effective_batch"]
    if effective % processes:
        raise PipelineError(
            f"effective_batch {effective} cannot be shared by {processes} processes",
            fix=f"Set effective_batch to a multiple of {processes}, or change their number.",
        )
    rows = effective // processes
    if micro is None and accumulation:
        micro = rows // accumulation
    elif micro is None:
        micro = max(m for m in range(1, defaults["micro_batch"] + 1) if rows % m == 0)
    if not micro or rows % micro or (accumulation and micro * accumulation != rows):
        raise PipelineError(
            f"micro_batch {micro or '?'} x gradient_accumulation {accumulation or '?'} x {processes} processes "
            f"is not effective_batch {effective}",
            fix="Make the three agree, or leave gradient_accumulation unset.",
        )
    return {"micro_batch": micro, "gradient_accumulation": rows // micro, "effective_batch": effective}
