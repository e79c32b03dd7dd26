"""Bytes of media changed at random: no crash, no hang, the same verdict twice on every file, and nothing left."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from full import FUZZ_SECONDS, FUZZ_SEED
from media_fuzz import LEVELS

PROGRAM = Path(__file__).parents[1] / "media_fuzz.py"
# The rest is the rows', and that of the training's readers.
SECONDS = FUZZ_SECONDS / 3


def test_changed_bytes_never_crash_hang_or_leave_a_file(tmp_path: Path):
    command = [sys.executable, str(PROGRAM), str(tmp_path), str(FUZZ_SEED), f"{SECONDS}"]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=SECONDS + 300, check=False
    )
    seed = done.stdout.splitlines()[-1] if done.stdout else "no seed"
    if done.returncode:
        pytest.fail(f"{seed}: exit code {done.returncode}\n{done.stderr[-5000:]}")
    found = json.loads(seed)
    print(found)
    # The changes must bite: at every level there were good files and refused ones.
    counts = Counter(found["counts"])
    for level in {LEVELS[(FUZZ_SEED + number) % 3] for number in range(found["rounds"])}:
        good = counts[f"{level} accepted"] + counts[f"{level} repaired"]
        assert min(good, counts[f"{level} rejected"]) > 0, counts
    assert os.listdir(tmp_path / "tmp") == []  # noqa: PTH208
