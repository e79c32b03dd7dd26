"""The trainer's checkpoints: which can be resumed, which is the last, which is the best, which are unsound."""

import json
import math
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from omnitune import seals
from omnitune.seals import BrokenSeal

_NAME = re.compile(r"checkpoint-(\d+)")
QUARANTINE = "quarantine"
# Of what was put aside: it is there to be looked at, and as large as the others.
_KEPT_ASIDE = 2
# What says that a file is missing. Other errors are the file system's: the next look may find all sound.
_NOT_THERE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
STATE = "trainer_state.json"


@dataclass(frozen=True)
class Checkpoint:
    """A sound checkpoint folder: the step it was taken at and the last step of its run."""

    folder: Path
    step: int
    max_steps: int

    @property
    def is_final(self) -> bool:
        """Whether the run was complete when it was taken."""
        return self.step >= self.max_steps > 0


def newest_sound(work: Path, fingerprint: str) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that can be resumed; newer ones that cannot go to `quarantine/`.

    The trainer itself takes the newest folder, whole or not, and then fails at every restart.

    Args:
        work: the folder of the checkpoints.
        fingerprint: hash of the run key of the training.

    Returns:
        the checkpoint, or None; and a line for each folder put aside.

    Raises:
        OSError: the file system does not answer; nothing was put aside for that.
    """
    return _first_sound(lambda: next(reversed(_folders(work)), None), fingerprint)


def best_sound(work: Path, fingerprint: str) -> tuple[Checkpoint | None, list[str]]:
    """The sound checkpoint with the lowest eval_loss; otherwise as `newest_sound`."""
    return _first_sound(lambda: best(sealed(work)), fingerprint)


def _first_sound(choose: Callable[[], Path | None], fingerprint: str) -> tuple[Checkpoint | None, list[str]]:
    put_aside: list[str] = []
    while folder := choose():
        try:
            return read(folder, fingerprint), put_aside
        except (BrokenSeal, *_NOT_THERE) as error:
            put_aside.append(f"{folder.name} is not sound ({error}); moved to {_quarantine(folder)}")
    return None, put_aside


def read(folder: Path, fingerprint: str) -> Checkpoint:
    """A checkpoint, every byte of it held against its seal.

    Raises:
        BrokenSeal: when it is not what was sealed, is of another training, or lacks what one is resumed from.
    """
    seal = seals.verify(folder)
    if seal.step != _step(folder):
        raise BrokenSeal(f"it was sealed at step {seal.step}")
    if seal.fingerprint != fingerprint:
        raise BrokenSeal("it is of a training with other settings")
    if lacking := sorted(_needed(seal) - seal.files.keys()):
        raise BrokenSeal(f"{lacking[0]} was not in it when it was sealed")
    return Checkpoint(folder, seal.step, seal.max_steps)


def _needed(seal: seals.Seal) -> set[str]:
    """Without any of these the trainer resumes with a fresh one, and says nothing."""
    several = seal.world_size > 1
    random_states = {f"rng_state_{rank}.pth" if several else "rng_state.pth" for rank in range(seal.world_size)}
    # DeepSpeed keeps model and optimizer in a folder of its own, which the file `latest` names.
    optimizer = "latest" if "latest" in seal.files else "optimizer.pt"
    return {STATE, "scheduler.pt", optimizer, *random_states}


def sealed(work: Path) -> list[Path]:
    """The folders that have a seal, oldest step first; whether it still holds is not asked."""
    return [folder for folder in _folders(work) if (folder / seals.FILE).exists()]


def best(folders: Sequence[Path]) -> Path | None:
    """The folder with the lowest eval_loss of its own step; None when no step of them was evaluated."""
    losses = {folder: loss for folder in folders if (loss := eval_loss(folder)) is not None}
    return min(losses, key=lambda folder: losses[folder]) if losses else None


def eval_loss(folder: Path) -> float | None:
    """The evaluation at a checkpoint's step, from the trainer's own history in it."""
    try:
        history = json.loads((folder / STATE).read_bytes())["log_history"]
        losses = [
            record["eval_loss"]
            for record in history
            if "eval_loss" in record and record.get("step") == _step(folder)
        ]
        return float(losses[-1]) if losses and math.isfinite(losses[-1]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _folders(work: Path) -> list[Path]:
    return sorted((path for path in work.glob("checkpoint-*") if _NAME.fullmatch(path.name)), key=_step)


def _step(folder: Path) -> int:
    match = _NAME.fullmatch(folder.name)
    assert match
    return int(match[1])


def _quarantine(folder: Path) -> Path:
    """Put a folder aside; of those that were put there before, the newest stay."""
    target = folder.parent / QUARANTINE / folder.name
    target.parent.mkdir(exist_ok=True)
    before = sorted(target.parent.iterdir(), key=lambda path: path.stat().st_ctime_ns)
    for old in before[: len(before) - _KEPT_ASIDE + 1]:
        shutil.rmtree(old)
    number = 1
    while target.exists():
        target = target.with_name(f"{folder.name}.{number}")
        number += 1
    folder.rename(target)
    return target
