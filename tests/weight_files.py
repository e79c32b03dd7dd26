"""safetensors files without torch, and a checkpoint folder as the trainer leaves it."""

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

from omnitune import seals


def write_safetensors(path: Path, tensors: dict[str, tuple[str, list[int], bytes]]) -> Path:
    """A file of tensors: name -> dtype, shape, bytes."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, start + len(data)]}
        start += len(data)
    return write_raw(path, json.dumps(header).encode(), b"".join(data for _, _, data in tensors.values()))


def write_raw(path: Path, header: bytes, data: bytes = b"") -> Path:
    """A file with any header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
    return path


def floats(*values: float) -> tuple[str, list[int], bytes]:
    """A float32 tensor of one dimension."""
    return "F32", [len(values)], struct.pack(f"<{len(values)}f", *values)


def write_checkpoint(
    work: Path, step: int, last: int = 20, value: float = 0.5, eval_loss: float | None = None
) -> Path:
    """A whole, sealed checkpoint of an adapter."""
    folder = work / f"checkpoint-{step}"
    write_safetensors(folder / "adapter_model.safetensors", {"a": floats(value, step)})
    (folder / "adapter_config.json").write_text('{"r": 8, "base_model_name_or_path": "/abs/base"}')
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("data.pkl", str(step))
    (folder / "training_args.bin").write_bytes(b"pickle")
    state = {"global_step": step, "max_steps": last, "log_history": []}
    if eval_loss is not None:
        state["log_history"] = [{"loss": 9.0, "step": step}, {"eval_loss": eval_loss, "step": step}]
    (folder / "trainer_state.json").write_text(json.dumps(state))
    seals.write(folder, step=step, max_steps=last, world_size=1, fingerprint="")
    return folder
