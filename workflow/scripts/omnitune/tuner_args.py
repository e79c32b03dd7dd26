"""Which weights train, as ms-swift's flags: LoRA by full names of layers, all weights by what is frozen."""

from typing import Any

from omnitune.config.training import TrainingConfig
from omnitune.errors import PipelineError
from omnitune.model_parts import TOWERS, Shapes, natural
from omnitune.trainable import frozen_towers, opened


def tuner(settings: TrainingConfig, shapes: Shapes) -> dict[str, Any]:
    """The flags of the tuner.

    Raises:
        PipelineError: nothing is left to train.
    """
    if not opened(settings):
        raise PipelineError(
            "everything is frozen",
            where="freeze_llm, freeze_vit, freeze_aligner",
            fix="Set one of them to false.",
        )
    frozen = frozen_towers(settings)
    arguments: dict[str, Any] = {
        "tuner_type": settings.tuner,
        "freeze_llm": settings.freeze_llm,
        "freeze_vit": len(frozen) == len(TOWERS),
        "freeze_aligner": settings.freeze_aligner,
    }
    if settings.tuner == "lora":
        return arguments | _lora(settings, shapes)
    if len(frozen) == 1:
        # ms-swift's vit is both towers. What it opens again after freezing by prefix is the aligner alone.
        arguments["freeze_parameters"] = [f"{TOWERS[frozen[0]]}."]
    return arguments


def _lora(settings: TrainingConfig, shapes: Shapes) -> dict[str, Any]:
    """The shape of the adapter.

    Full names, because `all-linear` and a regex both lose their path inside peft and then match the audio
    tower's projections as well, frozen or not.
    """
    layers = [name for group in opened(settings) for name in sorted(shapes.linear[group], key=natural)]
    arguments: dict[str, Any] = {
        "lora_rank": settings.lora.rank,
        "lora_alpha": settings.lora.alpha,
        "lora_dropout": settings.lora.dropout,
        "target_modules": layers,
    }
    if settings.lora.experts:
        if not shapes.experts:
            raise PipelineError(
                "the base has no experts", where="lora.experts", fix="Remove it, or name a base with experts."
            )
        # transformers 5 keeps a layer's experts as two tensors, which are no layers.
        arguments["target_parameters"] = [
            f"{module}.{name}"
            for module in sorted(shapes.experts, key=natural)
            for name in ("gate_up_proj", "down_proj")
        ]
    return arguments
