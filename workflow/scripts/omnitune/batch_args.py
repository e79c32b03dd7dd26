"""How many rows a forward pass has, as ms-swift's flags."""

from collections.abc import Mapping
from typing import Any


def smaller(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Flags of the next smaller forward pass at the same effective batch; empty when there is none.

    The micro-batch is divided by its smallest factor, mostly 2, and what is accumulated multiplied by it. At one
    row a pass, activations are computed twice instead of kept.
    """
    micro = int(arguments["per_device_train_batch_size"])
    if micro > 1:
        factor = next(number for number in range(2, micro + 1) if micro % number == 0)
        accumulated = ("gradient_accumulation_steps", "steps_per_generation")
        passes = {name: int(arguments[name]) * factor for name in accumulated if name in arguments}
        sizes = ("per_device_train_batch_size", "per_device_eval_batch_size")
        return {name: micro // factor for name in sizes if name in arguments} | passes
    if str(arguments.get("gradient_checkpointing", True)).lower() == "false":
        return {"gradient_checkpointing": "true"}
    return {}
