"""The final model: the base's files with the trained changes written into them.

Each weight file of the base is copied and the ranges of the changed tensors are overwritten, so that untouched
tensors (talker and code2wav among them) stay bit for bit the base's and memory holds one tensor at a time.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnitune import adapter, artifact, disk, layout, model_card, model_parts, runkey, weights, work_lease
from omnitune.adapter import Adapter, Pair
from omnitune.errors import ExitCode, PipelineError
from omnitune.publish import MANIFEST, staging
from omnitune.runkey import RunKey

if TYPE_CHECKING:
    import torch

VERSION = 2
CARD = "README.md"
_DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}

Change = Callable[["torch.Tensor"], "torch.Tensor"]


def merge(
    base: Path,
    trained: Path,
    output: Path,
    *,
    manifest: Path,
    data: Path | None = None,
    begin: Callable[[str], None] = lambda key: None,
) -> None:
    """Publish the final model.

    Args:
        base: folder of the base checkpoint.
        trained: folder of the trained model: an adapter, or the tensors of a full fine-tuning.
        output: where the final model is seen.
        manifest: manifest of the base; it and the trained model's decide whether a finished one is made again.
        data: manifest of the split, for the model card.
        begin: called with the hash of the run key before the work begins; it may refuse (`verdict.Attempt`).
    """
    manifests = [manifest, trained / MANIFEST]
    key = runkey.of({"trained": trained.as_posix()}, manifests, version=VERSION, packages={})
    with work_lease.held(output):
        if artifact.republish(output, key):
            print(f"{output} is finished and made from the same inputs: nothing to merge.")
            return
        begin(key.hash)
        _merge(base, trained, output, key, manifests, data)


def _merge(
    base: Path, trained: Path, output: Path, key: RunKey, manifests: Sequence[Path], data: Path | None
) -> None:
    of_base, of_trained = (json.loads(path.read_bytes()) for path in manifests)
    name = model_card.name_of(of_base)
    lora = (trained / adapter.WEIGHTS).exists()
    changes = dict(_adapter_changes(adapter.read(trained)) if lora else _full_changes(trained))
    _check_names(changes, base, trained)
    files = [path for path in sorted(base.iterdir()) if _is_copied(path)]
    with staging(output) as folder:
        disk.require(output, sum(path.stat().st_size for path in files), "the final model's files")
        for path in files:
            shutil.copyfile(path, folder / path.name)
        for path in weights.shards(folder):
            _rewrite(path, changes)
        layout.check(folder)
        counts = json.loads(data.read_bytes()) if data else None
        (folder / CARD).write_text(model_card.card(name, of_trained, counts), encoding="utf-8")
        facts = {
            "stage": "merge",
            "version": VERSION,
            "base": of_trained["base"],
            "base_model": name,
            "tensors": len(weights.tensors(folder)),
            "changed_tensors": len(changes),
        }
        artifact.publish(folder, output, key, facts)
    print(f"{output}: {facts['changed_tensors']} of {facts['tensors']} tensors changed.")


def _is_copied(path: Path) -> bool:
    """Files of the checkpoint; its card is about another model."""
    return path.is_file() and not path.name.startswith(".") and path.name not in (MANIFEST, CARD)


def _adapter_changes(found: Adapter) -> Iterator[tuple[str, Change]]:
    """Name of the base's tensor -> W + scaling * B A, as peft merges it."""
    for module, pair in found.layers.items():
        yield f"{module}.weight", _layer(pair, found.scaling)
    for fused, pair in found.experts.items():
        module, _, name = fused.rpartition(".")
        for number in range(pair[0].shape[0] // found.rank):
            # In memory gate and up lie behind each other in one tensor; the files have them one by one.
            leaves = ("gate_proj", "up_proj") if name == "gate_up_proj" else (name,)
            for place, leaf in enumerate(leaves):
                yield f"{module}.{number}.{leaf}.weight", _expert(pair, found, number, (place, len(leaves)))


def _layer(pair: Pair, scaling: float) -> Change:
    def change(weight: "torch.Tensor") -> "torch.Tensor":
        # As peft merges what it loads: the adapter in float32, one rounding at the end to the weight's type.
        a, b = map(_load, pair)
        delta = (b.float() @ a.float()) * scaling
        if delta.shape != weight.shape:
            return delta  # refused by the caller
        weight += delta
        return weight

    return change


def _expert(pair: Pair, found: Adapter, number: int, share: tuple[int, int]) -> Change:
    """The change of one expert's tensor, which is the `share` (which, of how many) of a fused one."""

    def change(weight: "torch.Tensor") -> "torch.Tensor":
        a, b = map(_load_float, pair)
        rank = found.rank
        whole = (
            b.reshape(len(b), rank, -1)[:, :, number] @ a[number * rank : (number + 1) * rank]
        ) * found.scaling
        place, of = share
        if whole.shape != (of * len(weight), weight.shape[1]):
            return whole  # refused by the caller
        # Of fused tensors peft rounds the update to the weight's type before it adds it.
        weight += whole[place * len(weight) : (place + 1) * len(weight)].to(weight.dtype)
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
    if spoken := [name for name in changes if model_parts.part(name) == model_parts.SPEECH]:
        raise PipelineError(
            f"{len(spoken)} trained tensors belong to the speech, first {spoken[0]}, which stays the base's",
            where=str(trained),
            fix="Train with the audio output off, as the pipeline does (ENABLE_AUDIO_OUTPUT=0).",
        )
    experts = {name for name in known if model_parts.part(name) == model_parts.EXPERTS}
    if (left := experts - changes.keys()) and left != experts:
        raise PipelineError(
            f"{len(experts) - len(left)} of the base's {len(experts)} tensors of experts are trained, not "
            f"{min(left)}",
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
                    fix="Train again with a lower learning_rate.",
                    code=ExitCode.NOT_FINITE,
                )
            file.seek(tensor.offset)
            file.write(after.view(torch.uint8).numpy().tobytes())


@lru_cache(maxsize=4)  # a layer's experts follow each other and share these
def _load_float(tensor: weights.Tensor) -> "torch.Tensor":
    return _load(tensor).float()


def _load(tensor: weights.Tensor) -> "torch.Tensor":
    import torch

    data = bytearray(weights.content(tensor))
    return torch.frombuffer(data, dtype=getattr(torch, _DTYPES[tensor.dtype])).reshape(tensor.shape)
