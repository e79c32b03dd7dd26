"""The folder that a training works in: gone on with when it is of the same run key, else begun afresh."""

import shutil
from contextlib import suppress
from pathlib import Path

from omnitune import checkpoints, runkey, seals
from omnitune.runkey import RunKey


def choose(work: Path, key: RunKey) -> None:
    """Make `work` the folder of this key: kept, fetched back, or fresh with the other one put aside."""
    found = runkey.read(work)
    if found and found.hash == key.hash:
        return
    if _is_sealed_for(work, key):
        key.write(work)  # runkey.json was lost or damaged; what it stood for was not
        return
    mine = work.with_name(f"{work.name}-{key.hash[:8]}")
    if work.exists():
        if found:
            print("These settings are not those of the checkpoints here, so training starts afresh:")
            print("\n".join(f"  {line}" for line in found.difference(key)))
        aside = work.with_name(f"{work.name}-{found.hash[:8] if found else 'unknown'}")
        # One earlier run is kept, so that a setting changed by mistake and back costs nothing.
        for old in work.parent.glob(f"{work.name}-*"):
            if old != mine:
                shutil.rmtree(old)
        shutil.rmtree(aside, ignore_errors=True)
        work.rename(aside)
        print(f"The earlier checkpoints are in {aside}.")
    if mine.exists():
        mine.rename(work)
    work.mkdir(exist_ok=True)
    key.write(work)


def spare(work: Path) -> list[Path]:
    """Folders beside the checkpoints that were put aside and that no training needs."""
    found = [work / checkpoints.QUARANTINE, *sorted(work.parent.glob(f"{work.name}-*"))]
    return [path for path in found if path.is_dir()]


def _is_sealed_for(work: Path, key: RunKey) -> bool:
    for folder in checkpoints.sealed(work):
        with suppress(seals.BrokenSeal, OSError):
            if seals.read(folder).fingerprint == key.hash:
                return True
    return False
