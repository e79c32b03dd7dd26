"""What must hold after any fault, whatever it was."""

import json
from pathlib import Path

import psutil

from omnitune import artifact, checkpoints, publish, seals, training_log

TRAINS = ("swift.cli.sft", "swift.cli.rlhf")
SURVIVE_SECONDS = 5  # nothing may run longer after whoever started it


def model(folder: Path) -> dict[str, bytes] | None:
    """The files of a published model; one that is in sight is as its manifest says."""
    if not folder.exists():
        return None
    manifest = json.loads((folder / artifact.RECORD).read_bytes())["manifest"]
    assert (folder / publish.MANIFEST).exists()
    for name, file in manifest["files"].items():
        assert publish.sha256(folder / name) == file["sha256"], name
    seen = {path.name for path in folder.iterdir()}
    assert seen == {*manifest["files"], artifact.RECORD, publish.MANIFEST}
    return {name: (folder / name).read_bytes() for name in sorted(seen - {artifact.RECORD})}


def newest_sealed(work: Path) -> int:
    """Step of the newest checkpoint with a seal, 0 without one; every seal holds."""
    steps = [seals.verify(folder).step for folder in checkpoints.sealed(work)]
    return max(steps, default=0)


def last_step(work: Path) -> int:
    """The last step in ms-swift's log of the training."""
    log = work / training_log.FILE
    steps = [record["global_step/max_steps"] for record in training_log.read(log)] if log.exists() else []
    return max((int(step.split("/")[0]) for step in steps), default=0)


def family_of(pid: int) -> list[psutil.Process]:
    """What a process has started, and what that has."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def trainers_of(pid: int) -> list[psutil.Process]:
    """The processes that train below another one, without the loaders of rows that they have forked."""
    found = {process.pid: process for process in family_of(pid) if _trains(process)}
    return [process for process in found.values() if _parent(process) not in found]


def _trains(process: psutil.Process) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    return bool(set(TRAINS) & set(words)) and "torch.distributed.run" not in words


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0
