"""How much disk a training's checkpoints will take: an estimate, from the base's shapes, on the safe side."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omnitune import disk, weights

# Tokenizer, arguments, random states, the trainer's history.
_SMALL_FILES = 64e6
_MARGIN = 1.05
_ADAM = 2  # moments of each trained value


def still_needed(arguments: Mapping[str, Any], work: Path) -> float:
    """Bytes that a training may yet write into its folder.

    While a checkpoint is written all the older ones are there still: `save_total_limit`, and the best one.
    """
    kept = int(arguments["save_total_limit"]) + ("val_dataset" in arguments or "cached_val_dataset" in arguments)
    one = of_one(arguments)
    return max(one, one * (kept + 1) - sum(disk.size(folder) for folder in work.glob("checkpoint-*")))


def of_one(arguments: Mapping[str, Any]) -> float:
    """Bytes of one checkpoint: the trained weights and the optimizer's state of each."""
    tensors = {
        name: tensor
        for name, tensor in weights.tensors(Path(arguments["model"])).items()
        if name.startswith("thinker.")
    }
    wide = 4 if arguments.get("torch_dtype") == "float32" else 2
    deepspeed = str(arguments.get("deepspeed", ""))
    if arguments["tuner_type"] == "lora":
        values = arguments["lora_rank"] * sum(
            sum(tensor.shape[-2:]) for name, tensor in tensors.items() if _adapted(name, arguments)
        )
        saved, wide = 4 * values, 4  # adapters are kept in float32
    else:
        values = sum(math.prod(tensor.shape) for tensor in tensors.values())
        saved = wide * values
    state = wide * _ADAM * values
    if deepspeed:
        # A float32 copy of what is trained beside the moments; and the model once more, unless it is shared out.
        state = 4 * (_ADAM + 1) * values + (0 if deepspeed.startswith("zero3") else saved)
    return _MARGIN * (saved + state) + _SMALL_FILES


def _adapted(name: str, arguments: Mapping[str, Any]) -> bool:
    # Experts lie fused in memory, one by one in the file.
    experts = "target_parameters" in arguments and ".experts." in name
    return experts or name.removesuffix(".weight") in arguments.get("target_modules", [])
