"""Which checkpoints stay: the newest sealed ones, and the best."""

import shutil
from pathlib import Path

from omnitune import checkpoints

_TRASH = ".trash-"


def rotate(work: Path, keep: int) -> None:
    """Remove the sealed checkpoints but for the newest `keep` and the one with the lowest eval_loss.

    transformers goes by times, which a copy or a clock can turn round, and keeps what is not whole as well.
    A folder is renamed before it goes, so that none is ever seen half there.
    """
    sweep(work)
    sealed = checkpoints.sealed(work)
    best = checkpoints.best(sealed)
    for folder in sealed[:-keep]:
        if folder != best:
            trash = work / f"{_TRASH}{folder.name}"
            folder.rename(trash)
            shutil.rmtree(trash, ignore_errors=True)


def sweep(work: Path) -> None:
    """Remove what a kill has left of checkpoints that were to go."""
    for left in work.glob(f"{_TRASH}*"):
        shutil.rmtree(left, ignore_errors=True)
