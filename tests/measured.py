"""A data stage's command with what it cost: processor time and the most memory of its own process."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from data_commands import SCRIPTS

# From within: what the kernel tells a parent of its children's memory holds what they had before they were this
# program (getrusage, wait4), and the peak of the largest of all.
_RUN = """
import re, runpy, sys, time
told, sys.argv = sys.argv[1], sys.argv[2:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]
    open(told, "w").write(f"{peak} {time.process_time()}")
"""


class Cost(NamedTuple):
    """Memory in MiB and processor time in seconds."""

    peak: float
    seconds: float


def measured(name: str, *argv: object, cwd: Path) -> Cost:
    """Run `workflow/scripts/{name}.py`, which must succeed, in the folder `cwd`."""
    told = cwd / "cost.txt"
    line = [sys.executable, "-c", _RUN, told, SCRIPTS / f"{name}.py", *map(str, argv)]
    done = subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peak, seconds = told.read_text().split()
    return Cost(int(peak) / 1024, float(seconds))
