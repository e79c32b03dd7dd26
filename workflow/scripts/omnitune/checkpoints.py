"""The trainer's checkpoints: which can be resumed, which is the last, which are unsound."""

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from omnitune import weights
from omnitune.errors import PipelineError

_NAME = re.compile(r"checkpoint-(\d+)")
QUARANTINE = "quarantine"


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint folder: the step it was taken at and the last step of its run."""

    folder: Path
    step: int
    max_steps: int

    @property
    def is_final(self) -> bool:
        """Whether the run was complete when it was taken."""
        return self.step >= self.max_steps > 0


def newest_sound(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that can be resumed; newer ones that cannot go to `quarantine/`.

    The trainer itself takes the newest folder, whole or not, and then fails at every restart.

    Returns:
        the checkpoint, or None; and a line for each folder put aside.
    """
    found = sorted(
        (int(match[1]), path) for path in folder.glob("checkpoint-*") if (match := _NAME.fullmatch(path.name))
    )
    put_aside: list[str] = []
    for step, path in reversed(found):
        try:
            return read(path, step), put_aside
        except (PipelineError, OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            target = folder / QUARANTINE / path.name
            target.parent.mkdir(exist_ok=True)
            number = 1
            while target.exists():
                target = target.with_name(f"{path.name}.{number}")
                number += 1
            path.rename(target)
            put_aside.append(f"{path.name} is not whole ({error}); moved to {target}")
    return None, put_aside


def read(folder: Path, step: int) -> Checkpoint:
    """Check a folder's pieces by structure; raises when one is missing or cut off."""
    state = json.loads((folder / "trainer_state.json").read_bytes())
    if state["global_step"] != step:
        raise ValueError(f"it says step {state['global_step']}")
    adapter = folder / "adapter_model.safetensors"
    for path in [adapter] if adapter.exists() else weights.shards(folder):
        weights.header(path)
    random_states = sorted(folder.glob("rng_state*.pth")) or [folder / "rng_state.pth"]
    pieces = [folder / "scheduler.pt", *random_states]
    if (folder / "latest").exists():
        pieces += _of_deepspeed(folder, ranks=len(random_states))
    else:
        pieces.append(folder / "optimizer.pt")
    for path in pieces:
        with zipfile.ZipFile(path):  # torch's files are zip archives: the directory stands at the end
            pass
    return Checkpoint(folder, step, state["max_steps"])


def _of_deepspeed(folder: Path, ranks: int) -> list[Path]:
    """DeepSpeed keeps model and optimizer in a folder of its own, which the file `latest` names."""
    inner = folder / (folder / "latest").read_text(encoding="utf-8").strip()
    preset = json.loads((folder / "args.json").read_bytes())["deepspeed"]
    stage = preset["zero_optimization"]["stage"]
    # From stage 1 on each rank keeps its share of the optimizer, in stage 3 of the weights too.
    for kind, expected in (("model", ranks if stage == 3 else 1), ("optim", ranks if stage else 0)):
        found = len(list(inner.glob(f"*_{kind}_states.pt")))
        if found != expected:
            raise ValueError(f"{inner.name} has {found} {kind}_states.pt of {expected}")
    return sorted(inner.glob("*.pt"))
