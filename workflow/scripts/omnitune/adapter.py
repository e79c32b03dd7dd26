"""A LoRA adapter on disk, as peft writes it: its scaling and its matrices, of layers and of fused experts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omnitune import trainable, weights
from omnitune.config.sft import SftConfig
from omnitune.errors import ExitCode, PipelineError
from omnitune.model_parts import Shapes
from omnitune.publish import MANIFEST
from omnitune.weights import Tensor

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."
_EXPERTS = ".mlp.experts"
# Keys of adapter_config.json whose other values mean another formula than W + scaling * B A.
_PLAIN = {
    "peft_type": "LORA", "use_dora": False, "fan_in_fan_out": False, "bias": "none", "lora_bias": False,
    "modules_to_save": None, "rank_pattern": {}, "alpha_pattern": {},
    "trainable_token_indices": None, "use_qalora": False, "megatron_config": None,
}  # fmt: skip
# Initialisations that take something out of the base's weights at the start of the training.
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Adapter:
    """What an adapter changes.

    Attributes:
        rank: of each layer and of each expert.
        alpha, scaling: the update is scaled by alpha / rank (rsLoRA: alpha / sqrt(rank)).
        layers: linear layer -> (A of rank x inputs, B of outputs x rank).
        experts: fused tensor (`...mlp.experts.down_proj`) -> (A of experts * rank x inputs, B of outputs x rank *
            experts); row e * rank + r of A and column r * experts + e of B belong to rank r of expert e.
    """

    folder: Path
    rank: int
    alpha: float
    scaling: float
    layers: Mapping[str, Pair]
    experts: Mapping[str, Pair]


def read(folder: Path) -> Adapter:
    """The adapter of a folder.

    Raises:
        PipelineError: there is none, it is cut off, or it is more than plain LoRA or rsLoRA.
    """
    config = _config(folder)
    pairs = _pairs(folder / WEIGHTS)
    experts = {module: pair for module, pair in pairs.items() if _EXPERTS in module}
    names = {str(name).rpartition(".")[2] for name in config.get("target_parameters") or []}
    if experts and names != {"gate_up_proj", "down_proj"}:
        raise PipelineError(
            f"target_parameters is {config.get('target_parameters')}, which is not merged here",
            where=str(folder / CONFIG),
            fix="Adapt all tensors of the experts, or none.",
        )
    rank, alpha = config["r"], config["lora_alpha"]
    return Adapter(
        folder=folder,
        rank=rank,
        alpha=alpha,
        scaling=alpha / (rank**0.5 if config.get("use_rslora") else rank),
        layers={module: pair for module, pair in pairs.items() if module not in experts},
        experts={_fused(module): pair for module, pair in experts.items()},
    )


def check_resumable(adapter: Adapter, settings: SftConfig, shapes: Shapes) -> None:
    """Refuse to train an adapter on that is not what the settings would make on this base.

    Raises:
        PipelineError: with the first difference.
    """
    place = "sft.resume_adapter"
    for key, mine, own in (
        ("rank", settings.lora.rank, adapter.rank),
        ("alpha", settings.lora.alpha, adapter.alpha),
    ):
        if mine != own:
            raise PipelineError(
                f"the adapter's {key} is {own}, and sft.lora.{key} is {mine}",
                where=place,
                fix=f"Set sft.lora.{key}: {own:g}, or start without it.",
            )
    if not settings.lora.experts and adapter.experts:
        raise PipelineError(
            "the adapter reaches the experts, and sft.lora.experts is false", where=place, fix="Set it to true."
        )
    real = {module: [b.shape[0], a.shape[1]] for module, (a, b) in adapter.layers.items()}
    wanted = {
        module: list(shape)
        for group in trainable.opened(settings)
        for module, shape in shapes.linear[group].items()
    }
    if settings.lora.experts:
        real |= {name: [*a.shape, *b.shape] for name, (a, b) in adapter.experts.items()}
        for module, (count, inner, hidden) in shapes.experts.items():
            ranks = count * adapter.rank
            wanted[f"{module}.gate_up_proj"] = [ranks, hidden, 2 * inner, ranks]
            wanted[f"{module}.down_proj"] = [ranks, inner, hidden, ranks]
    for what, names in (("has not", wanted.keys() - real.keys()), ("has besides", real.keys() - wanted.keys())):
        if names:
            raise PipelineError(
                f"the adapter is of other layers than the settings mean: it {what} {min(names)}"
                + (f" and {len(names) - 1} more" if len(names) > 1 else ""),
                where=place,
                fix="Set the keys that freeze as they were when it was trained.",
            )
    if other := sorted(name for name in wanted if real[name] != wanted[name]):
        raise PipelineError(
            f"the adapter is of another base: {other[0]} has shape {real[other[0]]}, here {wanted[other[0]]}",
            where=place,
            fix="Set model.path to the base that it was trained on.",
        )


def check_base(folder: Path, base_weights: str | None) -> None:
    """Refuse an adapter that was trained on other weights; say so when its folder does not tell on which.

    Instruct and Thinking have the same shapes: only the weights tell them apart.

    Args:
        folder: that of the adapter.
        base_weights: `base_model.weights_digest` of the base that it is to be trained on.

    Raises:
        PipelineError: its manifest names another base.
    """
    try:
        of = json.loads((folder / MANIFEST).read_bytes()).get("base_weights")
    except (OSError, ValueError, AttributeError):
        of = None
    if of is None:
        print(f"warning: {folder} does not say which weights it was trained on; its shapes fit this base.")
    elif of != base_weights:
        raise PipelineError(
            "the adapter was trained on other weights than those of model.path, though their shapes are the same",
            where="sft.resume_adapter",
            fix="Set model.path to the base that it was trained on.",
        )


def _config(folder: Path) -> dict[str, Any]:
    where = str(folder / CONFIG)
    try:
        config = json.loads((folder / CONFIG).read_bytes())
        if not isinstance(config, dict) or not isinstance(config.get("r", 1), int):
            raise ValueError("it holds no settings")
    except ValueError as error:
        raise PipelineError(f"this is not an adapter: {error}", where=where, fix="Copy it again.") from None
    for name, plain in _PLAIN.items():
        if (config.get(name) or plain) != plain:  # peft writes null, [] and {} for none alike
            raise PipelineError(
                f"{name} is {config[name]}, which is not merged here",
                where=where,
                fix="Train with plain LoRA, or serve base and adapter side by side.",
            )
    if str(config.get("init_lora_weights")).startswith(_CHANGES_BASE):
        raise PipelineError(
            f"init_lora_weights is {config['init_lora_weights']}, which changed the base it was trained on",
            where=where,
            fix="Train with plain LoRA.",
        )
    return config


def _pairs(path: Path) -> dict[str, Pair]:
    """Module, as peft names it without its prefix -> its two matrices."""
    tensors = weights.header(path)
    pairs = {}
    for name, a in tensors.items():
        if name.endswith(".lora_A.weight") and (b := tensors.get(name.replace(".lora_A.", ".lora_B."))):
            pairs[name.removeprefix(_PREFIX).removesuffix(".lora_A.weight")] = (a, b)
        elif not (name.endswith(".lora_B.weight") and name.replace(".lora_B.", ".lora_A.") in tensors):
            raise PipelineError(f"{name} is no part of a LoRA adapter", where=str(path), code=ExitCode.DATA)
    return pairs


def _fused(module: str) -> str:
    """The tensor that a pair changes: peft wraps the first one of a layer's experts, then that again."""
    inner = module.removesuffix(".base_layer")
    return f"{inner}.gate_up_proj" if inner != module else f"{inner}.down_proj"
