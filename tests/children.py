"""Child processes of tests: small programs that note their numbers, and waiting for what becomes of them."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from omnitune import supervisor
from omnitune.environments import ROOT

HURRY = 60  # seconds that a loaded machine may need for what takes milliseconds
SLEEP = "import time; time.sleep(600)"

# A child that starts a child of its own, notes both numbers and waits.
_FAMILY = """
import os, signal, subprocess, sys, time
{first}
inner = subprocess.Popen([sys.executable, "-c", {inner!r}], start_new_session={apart})
with open("pids.tmp", "w") as file:
    file.write(f"{{os.getpid()}} {{inner.pid}}")
os.rename("pids.tmp", "pids")
{last}
"""


def family(*, first: str = "", inner: str = SLEEP, last: str = "time.sleep(600)", apart: bool = False) -> str:
    """The program of a child with a child, which it puts into a session of its own if `apart`."""
    return _FAMILY.format(first=first, inner=inner, last=last, apart=apart)


def run(code: str, **options) -> None:
    """Supervise a program, in this process and folder."""
    supervisor.run([sys.executable, "-c", code], env=dict(os.environ), log=Path("child.log"), **options)


# A trainer as its supervisor sees it: it beats, looks for the wish to stop after each step, saves and ends.
# {deaf}: to the `file`, to the `signal`, `both` or `nothing`.
TRAINER = """
import json, os, signal, sys, time
work, deaf, wished = "work", {deaf!r}, []
os.makedirs(work + "/heartbeat", exist_ok=True)
hears = signal.SIG_IGN if deaf in ("signal", "both") else lambda *_: wished.append(1)
signal.signal(signal.SIGTERM, hears)
for step in range(100_000):
    with open("beat.tmp", "w") as file:
        json.dump({{"pid": os.getpid(), "rank": 0, "step": step, "max_steps": 100_000, "phase": "train",
                   "host": "here", "time": time.time()}}, file)
    os.rename("beat.tmp", work + "/heartbeat/0.json")
    if step == 2:
        with open("pids.tmp", "w") as file:
            file.write(str(os.getpid()))
        os.rename("pids.tmp", "pids")
    if wished or (deaf not in ("file", "both") and os.path.exists(work + "/stop")):
        open("saved", "w").close()
        print("saved step", step, flush=True)
        sys.exit()
    time.sleep(0.05)
"""


def supervised(code: str, options: str = "", before: str = "") -> "subprocess.Popen[str]":
    """Supervise a program in a process of its own, as a script does.

    Args:
        code: the program.
        options: further arguments of `supervisor.run`.
        before: what that process does first.
    """
    program = (
        "import os, sys; from pathlib import Path; from omnitune import errors, supervisor\n"
        f"{before}\n"
        "def main(argv):\n"
        "    supervisor.run([sys.executable, '-c', sys.argv[1]], env=dict(os.environ), log=Path('child.log'),"
        f" {options})\n    return 0\n"
        "errors.run(main)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, code], env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def wait_for(condition: Callable[[], object], seconds: float = HURRY) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def pids() -> list[int]:
    """What the family wrote, once it has."""
    wait_for(Path("pids").exists)
    return [int(pid) for pid in Path("pids").read_text().split()]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_gone() -> bool:
    """Whether nothing is left of the family."""
    return all(map(is_gone, pids()))


def when_started(action: Callable[[], object]) -> threading.Thread:
    """Do something once the family has written its numbers."""

    def act() -> None:
        pids()
        action()

    thread = threading.Thread(target=act)
    thread.start()
    return thread
