"""How much disk a training's checkpoints will take: an estimate, from the base's shapes, on the safe side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omnitune import disk, trainable

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
    """Bytes of one checkpoint: the weights that it keeps and the optimizer's state of those that train."""
    trained, thinker = trainable.sizes(arguments)
    if trained is None:
        trained = thinker
    wide = 4 if arguments.get("torch_dtype") == "float32" else 2
    deepspeed = str(arguments.get("deepspeed", ""))
    if arguments["tuner_type"] == "lora":
        saved, wide = 4 * trained, 4  # adapters are kept in float32
    else:
        saved = wide * thinker
    state = wide * _ADAM * trained
    if deepspeed:
        # A float32 copy of what is trained beside the moments; and the model once more, unless it is shared out.
        state = 4 * (_ADAM + 1) * trained + (0 if deepspeed.startswith("zero3") else saved)
    return _MARGIN * (saved + state) + _SMALL_FILES
