"""The final model: the base's files with the trained changes written into them.

Each weight file of the base is copied and the ranges of the changed tensors are overwritten, so that untouched
tensors (talker and code2wav among them) stay bit for bit the base's and memory holds one tensor at a time.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnitune import artifact, runkey, weights
from omnitune.errors import ExitCode, PipelineError
from omnitune.publish import MANIFEST, staging

if TYPE_CHECKING:
    import torch

VERSION = 1
ADAPTER = "adapter_model.safetensors"
_PREFIX = "base_model.model."
_DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
# Keys of adapter_config.json whose other values mean another formula than W + scaling * B A.
_PLAIN = {
    "peft_type": "LORA", "use_dora": False, "fan_in_fan_out": False, "bias": "none", "lora_bias": False,
    "modules_to_save": None, "target_parameters": None, "rank_pattern": {}, "alpha_pattern": {},
    "trainable_token_indices": None, "use_qalora": False, "megatron_config": None,
}  # fmt: skip
# Initialisations that take something out of the base's weights at the start of the training.
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")

Change = Callable[["torch.Tensor"], "torch.Tensor"]


def merge(base: Path, trained: Path, output: Path, inputs: Sequence[Path]) -> None:
    """Publish the final model.

    Args:
        base: folder of the base checkpoint.
        trained: folder of the trained model: an adapter, or the tensors of a full fine-tuning.
        output: where the final model is seen.
        inputs: manifests of both; they decide whether a finished model is made again.
    """
    key = runkey.of({"trained": trained.as_posix()}, inputs, version=VERSION, packages={})
    if artifact.republish(output, key):
        print(f"{output} is finished and made from the same inputs: nothing to merge.")
        return
    changes = dict(_adapter_changes(trained) if (trained / ADAPTER).exists() else _full_changes(trained))
    _check_names(changes, base, trained)
    with staging(output) as folder:
        for path in sorted(base.iterdir()):
            if path.is_file() and not path.name.startswith(".") and path.name != MANIFEST:
                shutil.copyfile(path, folder / path.name)
        for path in weights.shards(folder):
            _rewrite(path, changes)
        facts = {
            "stage": "merge",
            "version": VERSION,
            "base": json.loads((trained / MANIFEST).read_bytes())["base"],
            "tensors": len(weights.tensors(folder)),
            "changed_tensors": len(changes),
        }
        artifact.publish(folder, output, key, facts)
    print(f"{output}: {facts['changed_tensors']} of {facts['tensors']} tensors changed.")


def _adapter_changes(folder: Path) -> Iterator[tuple[str, Change]]:
    """Name of the base's tensor -> W + scaling * B A, as peft merges it."""
    config = json.loads((folder / "adapter_config.json").read_bytes())
    for name, plain in _PLAIN.items():
        if (config.get(name) or plain) != plain:  # peft writes null, [] and {} for none alike
            raise PipelineError(
                f"{name} is {config[name]}, which is not merged here",
                where=str(folder / "adapter_config.json"),
                fix="Train with plain LoRA, or serve base and adapter side by side.",
            )
    if str(config.get("init_lora_weights")).startswith(_CHANGES_BASE):
        raise PipelineError(
            f"init_lora_weights is {config['init_lora_weights']}, which changed the base it was trained on",
            where=str(folder / "adapter_config.json"),
            fix="Train with plain LoRA.",
        )
    rank, alpha = config["r"], config["lora_alpha"]
    scaling = alpha / (rank**0.5 if config.get("use_rslora") else rank)
    tensors = weights.header(folder / ADAPTER)
    for name, a in tensors.items():
        if name.endswith(".lora_A.weight"):
            module = name.removeprefix(_PREFIX).removesuffix(".lora_A.weight")
            if b := tensors.get(name.replace(".lora_A.", ".lora_B.")):
                yield f"{module}.weight", _lora(a, b, scaling)
                continue
        if not name.endswith(".lora_B.weight"):
            raise PipelineError(
                f"{name} is no part of a LoRA adapter", where=str(folder / ADAPTER), code=ExitCode.DATA
            )


def _lora(a: weights.Tensor, b: weights.Tensor, scaling: float) -> Change:
    def change(weight: "torch.Tensor") -> "torch.Tensor":
        # As peft merges what it loads: the adapter in float32, one rounding at the end to the weight's type.
        delta = (_load(b).float() @ _load(a).float()) * scaling
        if delta.shape != weight.shape:
            return delta  # refused by the caller
        weight += delta
        return weight

    return change


def _full_changes(folder: Path) -> Iterator[tuple[str, Change]]:
    for name, tensor in weights.tensors(folder).items():
        yield name, _replacement(tensor)


def _replacement(tensor: weights.Tensor) -> Change:
    return lambda weight: _load(tensor).to(weight.dtype)


def _check_names(changes: Mapping[str, Any], base: Path, trained: Path) -> None:
    known = weights.tensors(base)
    if unknown := [name for name in changes if name not in known]:
        raise PipelineError(
            f"{len(unknown)} of {len(changes)} trained tensors are not in the base, first {unknown[0]}",
            where=str(trained),
            fix="Merge with the base that it was trained on.",
        )
    if not changes:
        raise PipelineError(
            "there is nothing to merge", where=str(trained), fix="Train again.", code=ExitCode.DATA
        )


def _rewrite(path: Path, changes: Mapping[str, Change]) -> None:
    """Overwrite the changed tensors of one copied weight file in place."""
    import torch

    with path.open("r+b") as file:
        for name, tensor in weights.header(path).items():
            if name not in changes:
                continue
            before = _load(tensor)
            after = changes[name](before.clone()).contiguous()
            if after.shape != before.shape:
                raise PipelineError(
                    f"{name} has shape {tuple(after.shape)}, the base {tuple(before.shape)}",
                    where=str(path),
                    fix="Merge with the base that it was trained on.",
                )
            if not bool(torch.isfinite(after).all()):
                raise PipelineError(
                    f"{name} is not finite after the merge",
                    where=str(path),
                    fix="Train again with a lower sft.learning_rate.",
                    code=ExitCode.NOT_FINITE,
                )
            file.seek(tensor.offset)
            file.write(after.view(torch.uint8).numpy().tobytes())


def _load(tensor: weights.Tensor) -> "torch.Tensor":
    import torch

    data = bytearray(weights.content(tensor))
    return torch.frombuffer(data, dtype=getattr(torch, _DTYPES[tensor.dtype])).reshape(tensor.shape)
