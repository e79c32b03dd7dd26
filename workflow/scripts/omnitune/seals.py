"""A checkpoint's seal: the hash of every file, written when all of them are on the disk.

The trainer writes a checkpoint in place, file by file. One without a seal was cut off in the middle; one whose
files differ from their seal was damaged since. Without it nobody would say a word: safetensors checks its header
alone, and the trainer resumes with a fresh optimizer where the old one's file is missing.
"""

import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import xxhash

from omnitune import disk
from omnitune.publish import fsync_folder, write_json

FILE = "SEAL.json"
_DIGEST = "digest"  # over the seal's other entries: a seal is no sounder than its own bytes
_BLOCK = 1 << 22
_AT_ONCE = 4  # files: one thread reads slower than a disk gives
_LARGE = 10e9  # bytes that take long enough to read for somebody to wonder

Result = TypeVar("Result")


class BrokenSeal(Exception):
    """A checkpoint is not what was sealed; the text says which file and how."""


@dataclass(frozen=True)
class Seal:
    """What a checkpoint was when it was whole.

    Attributes:
        step: optimizer steps done.
        max_steps: the last step of its run.
        world_size: processes that trained, each with a random state of its own.
        fingerprint: hash of the run key of the training; empty when it was started without one.
        files: relative path -> {"bytes": size, "xxh3": 128-bit hash in hex}.
    """

    step: int
    max_steps: int
    world_size: int
    fingerprint: str
    files: Mapping[str, Mapping[str, Any]]


def write(
    folder: Path,
    *,
    step: int,
    max_steps: int,
    world_size: int,
    fingerprint: str,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Seal a folder that is complete: flush every file to the disk, then write down what it holds.

    A seal that can be seen stands for files that survive a power loss. `beat` is called after each block that was
    read: one file of an optimizer shared out may have tens of gigabytes.
    """
    one_at_a_time = threading.Lock()

    def read_on() -> None:
        with one_at_a_time:
            beat()

    def flushed(path: Path) -> dict[str, Any]:
        with path.open("rb") as file:
            os.fsync(file.fileno())
        return {"bytes": path.stat().st_size, "xxh3": _hash(path, read_on)}

    files = {str(path.relative_to(folder)): file for path, file in _each(flushed, _files(folder))}
    for inner in sorted(path for path in folder.rglob("*") if path.is_dir()):
        fsync_folder(inner)
    fsync_folder(folder)
    body = asdict(Seal(step, max_steps, world_size, fingerprint, files))
    write_json(folder / FILE, {**body, _DIGEST: _digest(body)})
    fsync_folder(folder.parent)


def read(folder: Path) -> Seal:
    """The seal of a folder, whose files it may or may not still tell the truth about.

    Raises:
        BrokenSeal: when there is none, or it is damaged.
    """
    try:
        body = json.loads((folder / FILE).read_bytes())
        digest = body.pop(_DIGEST)
        if digest != _digest(body):
            raise ValueError("its digest is another")
        return Seal(**body)
    except FileNotFoundError:
        raise BrokenSeal("it was not sealed") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenSeal(f"{FILE} is damaged: {error}") from None


def verify(folder: Path) -> Seal:
    """Hold every file of a folder against its seal.

    Raises:
        BrokenSeal: naming the first file that is missing, added or other than it was sealed.
    """
    seal = read(folder)
    found = {str(path.relative_to(folder)): path for path in _files(folder)}
    for name, file in seal.files.items():
        if name not in found:
            raise BrokenSeal(f"{name} is missing")
        size = found[name].stat().st_size
        if size != file["bytes"]:
            raise BrokenSeal(f"{name} has {size} bytes of {file['bytes']}")
    if added := sorted(found.keys() - seal.files.keys()):
        raise BrokenSeal(f"{added[0]} was added to it")
    if (size := sum(file["bytes"] for file in seal.files.values())) >= _LARGE:
        print(f"Verifying {folder.name} ({disk.text(size)}).", flush=True)
    for path, sum_ in _each(_hash, found.values()):
        name = str(path.relative_to(folder))
        if sum_ != seal.files[name]["xxh3"]:
            raise BrokenSeal(f"{name} is not as it was sealed")
    return seal


def _files(folder: Path) -> list[Path]:
    """All that a trainer wrote; hidden files are a file system's or a writer's own."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path != folder / FILE
    )


def _each(work: Callable[[Path], Result], paths: Iterable[Path]) -> list[tuple[Path, Result]]:
    """The paths in order, each with what came of it; several are read at once."""
    paths = list(paths)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(zip(paths, pool.map(work, paths), strict=True))


def _hash(path: Path, beat: Callable[[], None] = lambda: None) -> str:
    sum_ = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            sum_.update(block)
            beat()
    return sum_.hexdigest()


def _digest(body: Mapping[str, Any]) -> str:
    return xxhash.xxh3_128_hexdigest(json.dumps(body, sort_keys=True).encode())
