"""The trainable-parameter contract: what a training's settings mean, in parameters by part of the model.

It is known before a model is loaded, from the shapes in the base's manifest; inside the trainer it is held
against what really has a gradient (`trainer/contract.py`). Neither follows from the other: peft matches layers by
name, and what a name matches differs between versions.
"""

import json
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

from omnitune import weights
from omnitune.config.training import TrainingConfig
from omnitune.model_parts import EXPERTS, PARTS, TOWERS, Shapes, group, part

# Environment variable that carries the contract to the trainer: JSON, part -> parameters.
VARIABLE = "OMNITUNE_TRAINABLE"
_PEFT_PREFIX = "base_model.model."


def opened(settings: TrainingConfig) -> list[str]:
    """The groups (model_parts.GROUPS) that are not frozen."""
    frozen = {
        "llm": settings.freeze_llm,
        "vision": settings.freeze_vision,
        "audio": settings.freeze_audio,
        "aligner": settings.freeze_aligner,
    }
    return [name for name, is_frozen in frozen.items() if not is_frozen]


def frozen_towers(settings: TrainingConfig) -> list[str]:
    """The towers (model_parts.TOWERS) that are frozen."""
    return [tower for tower in TOWERS if tower not in opened(settings)]


def expected(settings: TrainingConfig, shapes: Shapes) -> dict[str, int]:
    """Parameters that will train, by part; parts without any are left out."""
    count = _adapter if settings.tuner == "lora" else _all_weights
    return {name: number for name, number in count(settings, shapes).items() if number}


def _all_weights(settings: TrainingConfig, shapes: Shapes) -> dict[str, int]:
    return {name: shapes.parameters[name] for name in PARTS if group(name) in opened(settings)}


def _adapter(settings: TrainingConfig, shapes: Shapes) -> dict[str, int]:
    """A of rank x inputs and B of outputs x rank for each linear layer, and for each expert of a fused tensor."""
    rank = settings.lora.rank
    counts = dict.fromkeys(PARTS, 0)
    for name in opened(settings):
        for module, (outputs, inputs) in shapes.linear[name].items():
            counts[part(module)] += rank * (outputs + inputs)
    if settings.lora.experts:
        for number, inner, hidden in shapes.experts.values():
            gate_and_up, down = hidden + 2 * inner, inner + hidden
            counts[EXPERTS] += number * rank * (gate_and_up + down)
    return counts


def sizes(arguments: Mapping[str, Any]) -> tuple[int | None, int]:
    """Parameters that train, and those of the thinker, the part of the base that is loaded.

    Args:
        arguments: of ms-swift; without a contract among them the first number is None.
    """
    contract = arguments.get("ENV", {}).get(VARIABLE)
    tensors = weights.tensors(Path(arguments["model"]))
    thinker = sum(prod(tensor.shape) for name, tensor in tensors.items() if name.startswith("thinker."))
    return sum(json.loads(contract).values()) if contract else None, thinker


def found(parameters: Iterable[tuple[str, Iterable[int]]]) -> dict[str, int]:
    """Parameters by part, of (name as the model in memory or peft has it, shape)."""
    counts: dict[str, int] = {}
    for name, shape in parameters:
        where = part(name.removeprefix(_PEFT_PREFIX))
        counts[where] = counts.get(where, 0) + prod(shape)
    return {name: counts[name] for name in PARTS if name in counts}


def table(counts: Mapping[str, int], whole: Mapping[str, int] | None = None) -> str:
    """The parameters that train as lines of text.

    Args:
        counts: part -> parameters that train.
        whole: part -> all its parameters, for those that do not train to be told too.
    """
    rows = [
        (name, f"{counts[name]:,}" if name in counts else "frozen") for name in PARTS if name in (whole or counts)
    ]
    rows.append(("in all", f"{sum(counts.values()):,}"))
    width = max(len(value) for _, value in rows)
    return "\n".join(["Trainable parameters:", *(f"  {name:<14}{value:>{width}}" for name, value in rows)])


def difference(wanted: Mapping[str, int], real: Mapping[str, int]) -> list[str]:
    """One clause for each part whose parameters are not those of the contract."""
    return [
        f"{name}: {real.get(name, 0):,} train, the settings mean {wanted.get(name, 0):,}"
        for name in PARTS
        if real.get(name, 0) != wanted.get(name, 0)
    ]
