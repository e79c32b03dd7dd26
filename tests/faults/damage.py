"""What disks, copies and people do to a checkpoint."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path


def flipped(folder: Path, dice: random.Random) -> str:
    """One bit of one file, the seal's among them."""
    path = _one(folder, dice)
    data = bytearray(path.read_bytes())
    place, bit = dice.randrange(len(data)), dice.randrange(8)
    data[place] ^= 1 << bit
    path.write_bytes(data)
    return f"bit {bit} of byte {place} of {path.name} flipped"


def cut(folder: Path, dice: random.Random) -> str:
    """The end of a file is gone."""
    path = _one(folder, dice)
    kept = dice.randrange(path.stat().st_size)
    path.write_bytes(path.read_bytes()[:kept])
    return f"{path.name} cut to {kept} bytes"


def zeroed(folder: Path, dice: random.Random) -> str:
    """A file of the right size, as a power loss leaves it."""
    path = _one(folder, dice)
    path.write_bytes(bytes(path.stat().st_size))
    return f"{path.name} zeroed"


def lost(folder: Path, dice: random.Random) -> str:
    """A file is gone."""
    path = _one(folder, dice)
    path.unlink()
    return f"{path.name} lost"


def swapped(folder: Path, dice: random.Random) -> str:
    """Two files have each other's name."""
    one = _one(folder, dice)
    other = dice.choice([path for path in _files(folder) if path.read_bytes() != one.read_bytes()])
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    return f"{one.name} and {other.name} swapped"


def older(folder: Path, dice: random.Random) -> str:
    """A file of the checkpoint before it."""
    before = min(folder.parent.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    names = [path.name for path in _files(folder) if path.read_bytes() != (before / path.name).read_bytes()]
    name = dice.choice(names)
    shutil.copy(before / name, folder / name)
    return f"{name} of {before.name}"


def added(folder: Path, dice: random.Random) -> str:
    """A file that the trainer would take for its own."""
    name = dice.choice(["model.safetensors", "scaler.pt", "latest", "rng_state_1.pth", "tokenizer/tokenizer.json"])
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"x")
    return f"{name} added"


KINDS: list[Callable[[Path, random.Random], str]] = [flipped, cut, zeroed, flipped, lost, swapped, older, added]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


def _one(folder: Path, dice: random.Random) -> Path:
    return dice.choice(_files(folder))
