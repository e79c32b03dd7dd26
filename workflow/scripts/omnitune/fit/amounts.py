"""What a training takes besides GPU memory: host memory, disk, time."""

from omnitune.fit.memory import GIB
from omnitune.fit.setup import Setup

# Published for LoRA of this model with checkpointing on one H100: 4,000 to 6,000 (docs/stages.md, Does it fit).
_TOKENS_PER_SECOND = 5000.0
# Parameters that a token passes through in that model.
_OF_ACTIVE = 3.04e9
# Of models far smaller than that no rate is known.
_LEAST_ACTIVE = 1e9


def host_gib(setup: Setup) -> float:
    """Host memory for what the GPUs hand over, of all of them together (one machine), GiB."""
    moved = 0.0
    if setup.deepspeed.endswith("offload"):
        moved += 12 * setup.trained + (2 * setup.shape.thinker if setup.stage == 3 else 0)
    if setup.offload_model:
        moved += 2 * setup.shape.thinker * (1 if setup.stage == 3 else setup.gpus)
    if setup.offload_optimizer:
        moved += 12 * setup.trained
    if setup.colocate and setup.sleep_level == 1:
        moved += 2 * setup.shape.thinker * setup.gpus / setup.vllm_tensor_parallel_size
    return moved / GIB


def checkpoints_gb(setup: Setup, kept: int) -> float:
    """Disk of a training's checkpoints, GB: weights and optimizer of each, and of one that is being written."""
    each = (14 if setup.deepspeed != "none" else 3 * setup.trained_bytes) * setup.trained
    return (kept + 1) * each / 1e9


def model_gb(setup: Setup) -> float:
    """Disk of one whole checkpoint of the model in bfloat16, GB."""
    return 2 * (setup.shape.thinker + setup.shape.rest) / 1e9


def hours(setup: Setup, tokens: float) -> float | None:
    """Time of a supervised training over so many tokens; None where no rate is known. An estimate within a factor
    of two on H100s, more on older GPUs.
    """
    if setup.shape.active < _LEAST_ACTIVE:
        return None
    # Forward and backward through frozen weights are two units, gradients of weights and recomputing one each.
    units = (3 if setup.tuner == "full" else 2) + setup.gradient_checkpointing
    rate = _TOKENS_PER_SECOND * _OF_ACTIVE / setup.shape.active * 3 / units
    return tokens / rate / setup.gpus / 3600
