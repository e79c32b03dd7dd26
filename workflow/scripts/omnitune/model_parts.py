"""The parts of a Qwen3-Omni by the names of its tensors: what the keys that freeze speak of, and what trains.

Names are the checkpoint's (`thinker.model.layers.0.self_attn.q_proj.weight`); they hold for the model in memory
too, where transformers 5 has the experts of a layer fused into two tensors.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omnitune.weights import Tensor

# What can be frozen, and the prefix of all that belongs to a tower (its aligner among it).
GROUPS = ("llm", "vision", "audio", "aligner")
TOWERS = {"vision": "thinker.visual", "audio": "thinker.audio_tower"}
ATTENTION, EXPERTS, OTHER_LLM, SPEECH = "llm attention", "llm experts", "llm other", "speech"
# Finer than GROUPS: what is told of a training. `llm other` is router, norms, embeddings and head.
PARTS = (ATTENTION, EXPERTS, OTHER_LLM, "vision", "audio", "aligner", SPEECH)
# 2-D weights that are no nn.Linear (embeddings), never adapted (head, router) or fused in memory (experts).
_NOT_LINEAR = ("embed_tokens", "pos_embed", "lm_head", "mlp.gate", "mlp.experts.", "mlp.shared_expert_gate")
_LLM = ("thinker.model.", "thinker.lm_head.")
_ALIGNER = ("thinker.visual.merger", "thinker.audio_tower.proj")
_EXPERTS = ".mlp.experts"


@dataclass(frozen=True)
class Shapes:
    """The sizes that say what an adapter or a training of all weights comes to.

    Attributes:
        linear: group -> linear layer -> (outputs, inputs).
        experts: layer's experts (`thinker.model.layers.0.mlp.experts`) -> (experts, inner width, hidden width).
        parameters: part -> all its parameters.
    """

    linear: Mapping[str, Mapping[str, Sequence[int]]]
    experts: Mapping[str, Sequence[int]]
    parameters: Mapping[str, int]

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Shapes":
        """As the manifest of a base has them."""
        return cls(manifest["linear_modules"], manifest["experts"], manifest["parts"])


def shapes(tensors: Mapping[str, Tensor]) -> Shapes:
    """The shapes of a checkpoint."""
    parameters = dict.fromkeys(PARTS, 0)
    for name, tensor in tensors.items():
        parameters[part(name)] += math.prod(tensor.shape)
    return Shapes(linear_modules(tensors), _experts(tensors), parameters)


def part(name: str) -> str:
    """The part (PARTS) that a tensor, parameter or module belongs to."""
    if name.startswith(_ALIGNER):
        return "aligner"
    for tower, prefix in TOWERS.items():
        if name.startswith(f"{prefix}."):
            return tower
    if not name.startswith(_LLM):
        return SPEECH
    if ".self_attn." in name:
        return ATTENTION
    return EXPERTS if _EXPERTS in name else OTHER_LLM


def group(part_name: str) -> str:
    """The group (GROUPS) that a part is frozen with; of the speech, which never trains, its own name."""
    return "llm" if part_name.startswith("llm ") else part_name


def linear_modules(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, list[int]]]:
    """Linear layers by group (GROUPS) with (outputs, inputs), from the names and shapes of the weights."""
    groups: dict[str, dict[str, list[int]]] = {name: {} for name in GROUPS}
    for name in sorted(tensors, key=natural):
        module, _, kind = name.rpartition(".")
        shape = tensors[name].shape
        if kind != "weight" or len(shape) != 2 or any(mark in name for mark in _NOT_LINEAR):
            continue
        if part(name) != SPEECH:
            groups[group(part(name))][module] = list(shape)
    return groups


def _experts(tensors: Mapping[str, Tensor]) -> dict[str, list[int]]:
    """Of each layer of the text model with experts: how many, and their widths."""
    found: dict[str, list[int]] = {}
    for name in sorted(tensors, key=natural):
        if part(name) == EXPERTS and name.endswith(".up_proj.weight"):
            module = name.partition(_EXPERTS)[0] + _EXPERTS
            count, *_ = found.get(module, [0])
            found[module] = [count + 1, *tensors[name].shape]
    return found


def natural(name: str) -> list[tuple[int, str]]:
    """Order in which layer 10 comes after layer 9."""
    return [(int(word), "") if word.isdigit() else (-1, word) for word in name.split(".")]
