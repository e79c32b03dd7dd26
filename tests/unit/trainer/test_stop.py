"""The wish to stop: by file, by signal, and what loaders hear of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from omnitune.environments import ROOT
from omnitune.trainer.stop import FOLLOWED, StopRequest

SCRIPTS = ROOT / "workflow/scripts"
# A process that listens, with a child forked as a loader of rows is.
PROCESS = """
import multiprocessing, os, signal, sys, time
from pathlib import Path
from omnitune.trainer.stop import StopRequest

def load(pipe):
    pipe.send(os.getpid())
    while True:
        time.sleep(0.05)
        pipe.send("row")

stop = StopRequest(Path("."), looks=False)
stop.listen()
ours, theirs = multiprocessing.get_context("fork").Pipe(False)
loader = multiprocessing.get_context("fork").Process(target=load, args=(theirs,), daemon=True)
loader.start()
print(ours.recv(), flush=True)
while not stop.wanted:
    time.sleep(0.01)
for _ in range(5):
    assert ours.recv() == "row"
print("stopped", flush=True)
{end}
"""


def test_a_file_is_a_request_to_the_one_that_looks(tmp_path: Path):
    looks, blind = StopRequest(tmp_path, looks=True), StopRequest(tmp_path, looks=False)
    assert not looks.wanted
    (tmp_path / "stop").touch()
    assert looks.wanted
    assert not blind.wanted
    blind.follow()
    blind.done()
    assert looks.wanted
    assert not (tmp_path / FOLLOWED).exists()
    looks.follow()
    looks.done()
    assert not looks.wanted
    assert (tmp_path / FOLLOWED).exists()


def begin(folder: Path, end: str = "") -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS.format(end=end)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    return process, int(process.stdout.readline())


def test_a_signal_to_all_is_a_request_and_its_loaders_go_on_until_it_ends(tmp_path: Path):
    process, loader = begin(tmp_path)
    os.killpg(process.pid, signal.SIGTERM)
    os.killpg(process.pid, signal.SIGTERM)
    out, errors = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "stopped\n"), errors
    assert not Path(f"/proc/{loader}").exists(), "the loader ended with it"


def test_a_second_interrupt_interrupts(tmp_path: Path):
    process, _ = begin(tmp_path, end="time.sleep(60)")
    assert process.stdout
    os.kill(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "stopped\n"
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert errors.rstrip().endswith("KeyboardInterrupt")
