"""A rank whose launcher was killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omnitune.environments import ROOT
from omnitune.trainer.parent import MARK

CHILD = """
import signal, time
from omnitune.trainer.parent import die_with_parent
signal.signal(signal.SIGTERM, signal.SIG_IGN)
die_with_parent()
print("ready", flush=True)
time.sleep(600)
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize(
    ("variables", "ends"),
    [({MARK: "x", "LOCAL_RANK": "1"}, True), ({"LOCAL_RANK": "1"}, False), ({MARK: "x"}, False)],
    ids=["rank of a supervised training", "rank by hand", "one process, which the guardian ends"],
)
def test_a_rank_ends_with_its_launcher(variables: dict[str, str], ends: bool):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts"), **variables}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    parent.wait()
    end = time.monotonic() + 2
    while (alive := _runs(child)) and time.monotonic() < end:
        time.sleep(0.02)
    assert alive is not ends
    if alive:
        os.kill(child, 9)


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
