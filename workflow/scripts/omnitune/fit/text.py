"""What a training needs, in words."""

from omnitune.fit.memory import BY_LENGTH, RESERVED_GIB, need
from omnitune.fit.remedies import remedy
from omnitune.fit.setup import Setup

_MOMENTS = {
    "train": "in a step",
    "sync": "while the weights go to vLLM",
    "sample": "while completions are sampled",
}
_KEYS = {
    "server_gpus": "server.gpus",
    "server_tensor_parallel": "server.tensor_parallel",
    "gathers": "swift.ds3_gather_for_generation",
}
# Smaller parts are not worth a word.
_LEAST_GIB = 0.05


def refusal(stage: str, setup: Setup) -> str:
    """Why it cannot work, and with which settings it does."""
    found, reasons = need(setup), []
    if found.short:
        share = setup.vllm_gpu_memory_utilization * setup.gpu_gib
        reasons.append(
            f"vLLM's share of each GPU ({share:.0f} GiB) is {found.short:.0f} GiB too small for the model"
        )
    if found.floor > setup.gpu_gib - RESERVED_GIB:
        reasons.append(
            f"on {setup.gpus} x {setup.gpu_gib:.0f} GiB each GPU needs {found.floor:.0f} GiB, however short the "
            f"rows are, {_parts(found.moments, lasting=True)}"
        )
    return f"{', and '.join(reasons)}. {advice(stage, setup)}"


def advice(stage: str, setup: Setup) -> str:
    """The nearest settings with which rows of the longest length fit."""
    changes = remedy(setup)
    if changes is None:
        return "Nothing here makes it fit: take larger GPUs."
    keys = [f"{stage}.{_KEYS.get(key, key)}: {str(value).lower()}" for key, value in changes.items()]
    named = f"{', '.join(keys[:-1])} and {keys[-1]}" if keys[1:] else keys[0]
    return f"It fits with {named}."


def description(stage: str, setup: Setup) -> str:
    """GPU memory with rows of the longest length, and what to do when they would not fit."""
    found = need(setup)
    told = (
        f"{found.peak:.0f} of {setup.gpu_gib:.0f} GiB on each GPU, with rows of {setup.tokens} tokens, "
        f"{_parts(found.moments)}"
    )
    if found.fits(setup.gpu_gib):
        return told
    return f"{told}: such rows would not fit, shorter ones may. {advice(stage, setup)}"


def _parts(moments: dict[str, dict[str, float]], lasting: bool = False) -> str:
    """The moment that needs most, with its parts."""
    left_out = BY_LENGTH if lasting else frozenset[str]()
    counted = {
        moment: {name: gib for name, gib in parts.items() if name not in left_out}
        for moment, parts in moments.items()
    }
    worst = max(counted, key=lambda moment: sum(counted[moment].values()))
    parts = ", ".join(f"{name} {gib:.1f}" for name, gib in counted[worst].items() if gib >= _LEAST_GIB)
    return f"{_MOMENTS[worst]} ({parts})"
