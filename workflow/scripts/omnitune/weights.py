"""safetensors files without torch: headers, shards and a check for finite values."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnitune.errors import ExitCode, PipelineError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies: file, dtype as safetensors names it, shape, first byte and size in bytes."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int
    size: int


def header(path: Path) -> dict[str, Tensor]:
    """The tensors of one file.

    Raises:
        PipelineError: when the file is cut off or is no safetensors file.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, 500_000_000):
                raise ValueError("the header is longer than the file")
            entries = json.loads(file.read(length))
        entries.pop("__metadata__", None)
        start = 8 + length
        tensors = {
            name: Tensor(path, entry["dtype"], tuple(entry["shape"]), start + entry["data_offsets"][0],
                         entry["data_offsets"][1] - entry["data_offsets"][0])
            for name, entry in entries.items()
        }  # fmt: skip
        if any(tensor.size < 0 or tensor.offset < start for tensor in tensors.values()):
            raise ValueError("a tensor lies outside it")
        end = max((tensor.offset + tensor.size for tensor in tensors.values()), default=start)
        if end != size:
            raise ValueError(f"its header promises {end} bytes, it has {size}")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error) as error:
        raise PipelineError(
            f"this is not a whole safetensors file: {error}",
            where=str(path),
            fix="Copy or download it again.",
            code=ExitCode.DATA,
        ) from None
    return tensors


def shards(folder: Path) -> list[Path]:
    """The weight files of a checkpoint folder, in name order.

    Raises:
        PipelineError: when there are none, or the index names files that are missing.
    """
    index = folder / INDEX
    if index.is_file():
        names = _indexed(index)
        if missing := [name for name in names if not (folder / name).is_file()]:
            raise PipelineError(
                f"{len(missing)} of {len(names)} weight files named by {INDEX} are missing, first {missing[0]}",
                where=str(folder),
                fix="Finish the download or copy.",
            )
        return [folder / name for name in names]
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    raise PipelineError(
        "there are no weights (*.safetensors)", where=str(folder), fix="Name a whole checkpoint folder."
    )


def _indexed(index: Path) -> list[str]:
    try:
        names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
        if outside := [name for name in names if Path(name).name != name]:
            raise ValueError(f"{outside[0]} is not a file beside it")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PipelineError(
            f"this is not an index of weight files: {error}",
            where=str(index),
            fix="Copy or download it again.",
            code=ExitCode.DATA,
        ) from None
    return names


def tensors(folder: Path) -> dict[str, Tensor]:
    """Every tensor of a checkpoint folder by name."""
    return {name: tensor for path in shards(folder) for name, tensor in header(path).items()}


def content(tensor: Tensor) -> bytes:
    """A tensor's bytes as they lie in its file."""
    with tensor.file.open("rb") as file:
        file.seek(tensor.offset)
        return file.read(tensor.size)


def first_not_finite(path: Path) -> str | None:
    """The name of a tensor that holds NaN or infinity, or None; memory stays at one block."""
    for name, tensor in header(path).items():
        if any(block for block in _exponents_full(tensor)):
            return name
    return None


def _exponents_full(tensor: Tensor) -> Iterator[bool]:
    """Whether each block of a float tensor has a value whose exponent bits are all set (NaN or infinity)."""
    import numpy as np

    kinds = {
        "F32": ("<u4", 0x7F800000),
        "BF16": ("<u2", 0x7F80),
        "F16": ("<u2", 0x7C00),
        "F64": ("<u8", 0x7FF << 52),
    }
    if tensor.dtype not in kinds:
        return
    kind, mask = kinds[tensor.dtype]
    with tensor.file.open("rb") as file:
        file.seek(tensor.offset)
        left = tensor.size
        while left:
            block = np.frombuffer(file.read(min(left, 1 << 24)), dtype=kind)
            left -= block.nbytes
            yield bool(((block & mask) == mask).any())
