"""Twenty ways to end a supervised trainer: it saves if it can, ends in time, and nothing is left of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from children import HURRY, SLEEP, TRAINER, all_gone, pids, supervised, wait_for
from full import full
from tally import Count

from omnitune import launcher

TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP
KINDS = (TERM, INT, HUP)
# One second for a checkpoint, and half of one from SIGTERM to SIGKILL, or a minute for who hears SIGTERM.
OPTIONS = "work=Path('work'), limits=supervisor.Limits(60, 60, {grace})"
TERM_SECONDS = "from omnitune.supervisor import stopping; stopping._TERM_SECONDS = {}"
SHORT, LONG = TERM_SECONDS.format(0.5), TERM_SECONDS.format(HURRY)
SLACK = 20.0  # of a loaded machine; what is not waited for would take a minute
ORPHAN_SECONDS = 5.0  # nothing may be left of a command so long after who started it; it takes up to 4


class Case(NamedTuple):
    """What the trainer does not hear, what is sent (seconds lie between), and what comes of it.

    Longer ones than a second begin when the wish before them was heard.
    """

    deaf: str
    sent: tuple[int | float, ...]
    saves: bool
    seconds: float
    grace: float = 1.0


CASES = {
    **{f"{kind.name} saves by the file": Case("signal", (kind,), True, 0.1, 60) for kind in KINDS},
    **{f"{kind.name} saves by the signal": Case("file", (kind,), True, 1.1) for kind in KINDS},
    **{f"{kind.name} kills what hears nothing": Case("both", (kind,), False, 1.5) for kind in KINDS},
    "a second one shortens the grace": Case("file", (TERM, 1.1, TERM), True, 1.2, 60),
    "a third one kills": Case("both", (TERM, 1.1, INT, 2.5, HUP), False, 3.6, 60),
    "two within a second are one": Case("file", (TERM, 0.1, TERM, 0.1, INT), True, 2.1, 2.0),
    "stopped and continued": Case("nothing", (signal.SIGSTOP, 0.5, signal.SIGCONT, TERM), True, 0.6, 60),
    "continued as by Slurm": Case("nothing", (signal.SIGCONT, TERM, signal.SIGCONT, TERM), True, 0.1, 60),
}
LATER = ("a third one kills", "SIGHUP kills what hears nothing", "SIGINT kills what hears nothing")


@pytest.fixture
def supervise() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a supervisor, and return when its trainer has made its first steps."""
    started = []

    def start(deaf: str, grace: float = 1.0, before: str = SHORT) -> "subprocess.Popen[str]":
        started.append(supervised(TRAINER.format(deaf=deaf), OPTIONS.format(grace=grace), before))
        pids()
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", [name for name in CASES if full(name not in LATER, True)])
def test_asked_by_signal(name: str, supervise: Callable[..., "subprocess.Popen[str]"], count: Count):
    case = CASES[name]
    ends_by_time = not case.saves and len(case.sent) == 1
    supervisor = supervise(case.deaf, case.grace, SHORT if ends_by_time else LONG)
    begun = time.monotonic()
    for part in case.sent:
        if isinstance(part, float):
            if part > 1:
                wait_for(Path("work/stop").exists)
            time.sleep(part)
        else:
            supervisor.send_signal(part)
    output, _ = supervisor.communicate(timeout=60)
    assert time.monotonic() - begun < case.seconds + SLACK
    assert time.monotonic() - begun >= case.seconds - 0.1
    assert all_gone()
    assert supervisor.returncode == 85, output
    kind = next(part.name for part in case.sent if part in KINDS)
    assert f"error: Stopped by {kind}. The same command goes on from the last checkpoint.\n" in output
    assert ("saved step" in Path("child.log").read_text()) is case.saves
    assert ("It did not end in time: killed.\n" in output) is not case.saves
    count("ends by signal in order")


def test_under_nohup_the_end_of_the_terminal_ends_nothing():
    before = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    supervisor = supervised(TRAINER.format(deaf="nothing"), OPTIONS.format(grace=60), before)
    pids()
    supervisor.send_signal(HUP)
    time.sleep(1)
    assert supervisor.poll() is None
    assert not all_gone()
    supervisor.send_signal(TERM)
    output, _ = supervisor.communicate(timeout=60)
    assert "error: Stopped by SIGTERM." in output


def test_told_to_all_as_by_slurm():
    """The command itself may end at once, of the signal or of a server that did."""
    note = "import os; open('new', 'w').write(str(os.getpid())); os.rename('new', 'pids'); "
    supervisor = supervised(note + SLEEP)
    (child,) = pids()
    supervisor.send_signal(TERM)
    os.kill(child, TERM)
    output, _ = supervisor.communicate(timeout=60)
    assert (supervisor.returncode, "error: Stopped by SIGTERM." in output) == (85, True), output


def test_asked_as_a_group(supervise: Callable[..., "subprocess.Popen[str]"], count: Count):
    supervisor = supervise("signal", 60)
    os.killpg(supervisor.pid, INT)
    assert supervisor.wait(timeout=60) == 85
    assert "saved step" in Path("child.log").read_text()
    count("ends by signal in order")


@pytest.mark.parametrize("deaf", ["nothing", "both"])
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGQUIT])
def test_the_supervisors_own_death_leaves_nothing(
    kind: signal.Signals, deaf: str, supervise: Callable[..., "subprocess.Popen[str]"], count: Count
):
    supervisor = supervise(deaf)
    supervisor.send_signal(kind)
    supervisor.wait()
    wait_for(all_gone, ORPHAN_SECONDS)
    assert Path("saved").exists() is (deaf == "nothing"), "the kernel's SIGTERM asks for a checkpoint"
    count("ends by signal in order")


@pytest.mark.parametrize("deaf", ["nothing", "both"])
def test_the_launchers_death_leaves_nothing(
    deaf: str, supervise: Callable[..., "subprocess.Popen[str]"], monkeypatch: pytest.MonkeyPatch
):
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as snakemake:
        monkeypatch.setenv(launcher.VARIABLE, str(snakemake.pid))
        supervisor = supervise(deaf, 60)
        snakemake.kill()
        wait_for(all_gone, ORPHAN_SECONDS)
        assert supervisor.wait(timeout=HURRY) == 85
    assert ("saved step" in Path("child.log").read_text()) is (deaf == "nothing")


def test_a_command_that_does_nothing_else_ends_with_its_launcher(monkeypatch: pytest.MonkeyPatch):
    """One that waits for a GPU, reads rows, or is in the middle of writing."""
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as snakemake:
        monkeypatch.setenv(launcher.VARIABLE, str(snakemake.pid))
        command = supervised("", before="import time; main = lambda argv: time.sleep(600); errors.run(main)")
        wait_for(lambda: len(psutil.Process(command.pid).threads()) > 1)
        snakemake.kill()
        output, _ = command.communicate(timeout=ORPHAN_SECONDS)
    assert command.returncode == 85
    assert output.startswith("error: Snakemake is gone, and this job ends with it.")


# A trainer that listens to the file alone: its step ends {step} s after, then it saves for half a second a part.
SAVES = """
import json, os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.makedirs("work/heartbeat")

def beat(phase):
    with open("beat.tmp", "w") as file:
        json.dump({{"pid": os.getpid(), "rank": 0, "step": step, "max_steps": 100_000, "host": "here",
                   "phase": phase, "time": time.time()}}, file)
    os.rename("beat.tmp", "work/heartbeat/0.json")

for step in range(100_000):
    beat("train")
    if step == 2:
        with open("pids.tmp", "w") as file:
            file.write(str(os.getpid()))
        os.rename("pids.tmp", "pids")
    if os.path.exists("work/stop"):
        break
    time.sleep(0.05)
time.sleep({step})
beat("save")
os.mkdir("work/checkpoint-3")
with open("work/checkpoint-3/weights", "w", buffering=1) as file:
    for part in range({parts}):
        file.write("part\\n")
        time.sleep(0.5)
time.sleep({hangs})
print("saved", flush=True)
"""


@pytest.mark.parametrize(("hangs", "saved", "limit"), [(0, True, 60), (600, False, 8)])
def test_a_checkpoint_that_is_being_written_is_waited_for(hangs: int, saved: bool, limit: int, count: Count):
    # Its save begins within 2 s, or was not seen; it takes 3.
    options = f"work=Path('work'), limits=supervisor.Limits({limit}, {limit}, 1.5)"
    supervisor = supervised(SAVES.format(step=0, parts=6, hangs=hangs), options, SHORT)
    pids()
    supervisor.send_signal(TERM)
    output, _ = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 85, output
    assert all_gone()
    assert ("saved" in Path("child.log").read_text()) is saved
    count("ends by signal in order")


def test_so_is_one_that_begins_after_the_grace():
    """Its step ends after SIGTERM was sent, before SIGKILL would be."""
    supervisor = supervised(
        SAVES.format(step=1.5, parts=10, hangs=0), OPTIONS.format(grace=1), TERM_SECONDS.format(4)
    )
    pids()
    supervisor.send_signal(TERM)
    output, _ = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 85, output
    assert "saved" in Path("child.log").read_text()


def test_a_second_wish_does_not_wait_for_it():
    supervisor = supervised(SAVES.format(step=0, parts=1000, hangs=0), OPTIONS.format(grace=60), SHORT)
    pids()
    supervisor.send_signal(TERM)
    wait_for(Path("work/checkpoint-3/weights").exists)
    time.sleep(1.1)
    supervisor.send_signal(TERM)
    supervisor.communicate(timeout=SLACK)
    assert supervisor.returncode == 85
    assert all_gone()


def test_a_launcher_that_goes_meanwhile_ends_it(monkeypatch: pytest.MonkeyPatch):
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as snakemake:
        monkeypatch.setenv(launcher.VARIABLE, str(snakemake.pid))
        supervisor = supervised(SAVES.format(step=0, parts=1000, hangs=0), OPTIONS.format(grace=60), SHORT)
        pids()
        supervisor.send_signal(TERM)
        wait_for(Path("work/checkpoint-3/weights").exists)
        snakemake.kill()
        wait_for(all_gone, ORPHAN_SECONDS)
        assert supervisor.wait(timeout=HURRY) == 85
    assert "error: Stopped by SIGTERM" in Path("child.log").read_text()


def test_before_the_first_step_there_is_nothing_to_wait_for(count: Count):
    """It loads a model for minutes: no checkpoint will come of it."""
    supervisor = supervised(
        "import os, time; open('pids', 'w').write(str(os.getpid())); time.sleep(600)", OPTIONS.format(grace=60)
    )
    pids()
    supervisor.terminate()
    output, _ = supervisor.communicate(timeout=SLACK)
    assert supervisor.returncode == 85
    assert "a checkpoint is asked for" not in output
    count("ends by signal in order")


def test_the_wish_of_an_earlier_start_is_taken_back():
    Path("work").mkdir()
    for name in ("stop", "stopped"):
        Path("work", name).touch()
    assert supervised("import os; print(os.listdir('work'))", OPTIONS.format(grace=1)).wait(timeout=60) == 0
    assert Path("child.log").read_text() == "[]\n"
