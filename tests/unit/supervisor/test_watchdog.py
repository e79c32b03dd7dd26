"""Signs of progress, and what becomes of a command that gives none."""

import itertools
import json
import os
import re
import signal
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from children import TRAINER, all_gone, is_gone, pids, run, supervised, when_started
from tally import Count

from omnitune.errors import PipelineError
from omnitune.supervisor import Limits
from omnitune.supervisor.watchdog import Watchdog
from omnitune.trainer.heartbeat import Beat

WORK = Path("work")
# A step, and with it a beat, takes a twentieth of a second; limits are a few beats of one second.
STALL = 1.5
LIMITS = Limits(first_step=60, stall=STALL, grace=1)
# Beats are one apart, its stacks take two, and a machine with other work is late; by the other limit it were 60.
WITHIN_SECONDS = 3 + 2 + 10
SHORT = Limits(first_step=60, stall=0.01, grace=1)
LOADING = 4  # seconds, in which a loaded machine starts Python


def hung(code: str, limits: Limits = LIMITS) -> PipelineError:
    """How a supervised program is told to have hung."""
    with pytest.raises(PipelineError) as failed:
        run(code, work=WORK, limits=limits)
    assert failed.value.code == 79
    assert all_gone()
    return failed.value


def after_the_first_steps(*lines: str) -> str:
    """The trainer, at whose step 3 something happens."""
    body = "\n        ".join(lines)
    code = TRAINER.format(deaf="nothing").replace(
        "    if wished", f"    if step == 3:\n        {body}\n    if wished"
    )
    assert lines[0] in code
    return "import faulthandler, signal\nfaulthandler.register(signal.SIGUSR1, all_threads=True)\n" + code


HANGS = {
    "a loader that is dead": ["import threading", "threading.Event().wait()"],
    "silent without end": ["time.sleep(600)"],
    "deaf and silent": ["signal.signal(signal.SIGTERM, signal.SIG_IGN)", "while True: pass"],
    "stopped": ["os.kill(os.getpid(), signal.SIGSTOP)"],
    "warning without end": ["while True:", "    print('warning', flush=True); time.sleep(0.1)"],
}


@pytest.mark.parametrize("name", HANGS)
def test_a_hang_is_ended_within_three_beats_of_its_last_sign(name: str, count: Count):
    error = hung(after_the_first_steps(*HANGS[name]))
    assert time.time() - (WORK / "heartbeat/0.json").stat().st_mtime < WITHIN_SECONDS
    told = re.fullmatch(
        r"ms-swift hung: there was no sign of progress for (\d+) s after step 3 of 100000", error.what
    )
    assert told
    assert int(told[1]) <= 3
    assert "resources.stall_minutes" in error.fix
    log = Path("child.log").read_text()
    assert log.endswith(f"error: {error}\n")
    # Who is stopped cannot write down where it stands.
    assert ("most recent call first" in log) is (name != "stopped")
    told = "It could not write its stacks." if name == "stopped" else "Its stacks are at the end of that file."
    assert error.fix.startswith(told)
    count("hangs ended")


def test_until_the_first_step_it_has_more_time():
    silent = "import os, time; open('pids', 'w').write(str(os.getpid())); time.sleep(600)"
    begun = time.monotonic()
    error = hung(silent, Limits(first_step=LOADING, stall=0.5, grace=1))
    assert time.monotonic() - begun > LOADING
    what = r"ms-swift hung: there was no sign of progress for (\d+) s before its first step"
    told = re.fullmatch(what, error.what)
    assert told
    assert int(told[1]) >= LOADING


def test_what_it_says_is_a_sign():
    """For longer than it may be silent."""
    code = "import os, time\nopen('pids', 'w').write(str(os.getpid()))\n"
    code += "for n in range(24):\n    print(end='\\r%d' % n, flush=True); time.sleep(0.2)"
    run(code, work=WORK, limits=Limits(first_step=4, stall=4, grace=1))


def test_one_that_goes_on_slowly_is_left_alone():
    """For longer than it may be silent."""
    code = TRAINER.format(deaf="nothing").replace("100_000", "8").replace("sleep(0.05)", "sleep(0.6)")
    run(code, work=WORK, limits=Limits(60, 4, 1))


def test_without_limits_nothing_is_watched():
    run("import time; time.sleep(1)", work=WORK)


def test_a_supervisor_that_was_stopped_itself_does_not_take_it_for_a_hang():
    """Ctrl-Z, and fg after an hour: the trainer went on meanwhile."""
    options = "work=Path('work'), limits=supervisor.Limits(60, 3, 30)"
    supervisor = supervised(TRAINER.format(deaf="nothing"), options)
    pids()
    supervisor.send_signal(signal.SIGSTOP)
    time.sleep(4)
    supervisor.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    assert not is_gone(pids()[0])
    supervisor.terminate()
    assert supervisor.wait(timeout=60) == 85


def beat(step: int, phase: str = "train", rank: int = 0, pid: int = 7) -> None:
    path = WORK / f"heartbeat/{rank}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(Beat(pid, rank, "here", step, 9, phase, time.time()))))


def stalls(watchdog: Watchdog) -> bool:
    """Whether there is no sign for longer than the shortest limit."""
    watchdog.stalled()
    time.sleep(0.05)
    return watchdog.stalled() is not None


def test_a_save_may_take_as_long_as_the_loading():
    for phase in ("save", "rollout"):
        watchdog = Watchdog(WORK, SHORT, lambda: 0)
        beat(3, phase)
        time.sleep(0.05)
        assert not stalls(watchdog)
        beat(3)
        time.sleep(0.05)
        assert stalls(watchdog)


def test_a_checkpoint_that_grows_is_a_sign_while_it_is_saved():
    """The ranks write hundreds of gigabytes before the first beat of the seal."""
    piece = WORK / "checkpoint-3/global_step3/rank_0.pt"
    piece.parent.mkdir(parents=True)
    watchdog = Watchdog(WORK, Limits(first_step=0.01, stall=0.01, grace=1), lambda: 0)
    for phase, saves in (("save", True), ("train", False)):
        beat(4, phase)
        time.sleep(0.05)
        watchdog.stalled()
        for size in range(3):
            piece.write_bytes(bytes(size + 1))
            time.sleep(0.05)
            assert (watchdog.stalled() is None) is saves, (phase, size)
    beat(4, "save")
    time.sleep(0.05)
    assert stalls(watchdog), "and nothing grows"


def test_after_the_first_step_output_is_no_sign():
    """A rank that hangs may warn in a loop, and the others print while they wait."""
    watchdog = Watchdog(WORK, SHORT, itertools.count().__next__)
    assert not stalls(watchdog), "loading"
    beat(0, "begin")
    assert not stalls(watchdog), "the first step"
    beat(1)
    time.sleep(0.05)
    assert stalls(watchdog)
    beat(1, rank=1)
    watchdog = Watchdog(WORK, Limits(first_step=0.01, stall=0.01, grace=1), itertools.count().__next__)
    for phase in ("begin", "rollout", "save", "end"):
        beat(1, phase)
        time.sleep(0.05)
        assert not stalls(watchdog), phase


def test_where_nothing_beats_output_is_a_sign_for_ever():
    WORK.mkdir()
    watchdog = Watchdog(WORK, SHORT, itertools.count().__next__)
    (WORK / "logging.jsonl").write_text("{}\n")
    assert watchdog.has_stepped()
    time.sleep(0.05)
    assert not stalls(watchdog)


def test_beats_of_an_earlier_start_are_removed_and_a_resumed_training_has_made_no_step_yet():
    beat(5)
    (WORK / "checkpoint-5").mkdir()
    (WORK / "checkpoint-odd").mkdir()
    watchdog = Watchdog(WORK, LIMITS, lambda: 0)
    assert not (WORK / "heartbeat/0.json").exists()
    beat(5)
    assert not watchdog.has_stepped()
    beat(6)
    assert watchdog.has_stepped()


def test_a_trainer_without_beats_is_known_by_its_log():
    WORK.mkdir()
    (WORK / "logging.jsonl").write_text("{}\n")
    watchdog = Watchdog(WORK, LIMITS, lambda: 0)
    assert not watchdog.has_stepped()
    (WORK / "logging.jsonl").write_text("{}\n{}\n")
    assert watchdog.has_stepped()


def test_a_hang_while_loading_has_its_stacks_too():
    """Before there is a beat: the plugin has been imported."""
    code = "import faulthandler, os, signal, time; faulthandler.register(signal.SIGUSR1)\n"
    code += "open('pids', 'w').write(str(os.getpid()))\ndef loading(): time.sleep(600)\nloading()"
    error = hung(code, Limits(first_step=LOADING, stall=0.5, grace=1))
    assert error.fix.startswith("Its stacks are at the end of that file. ")
    assert " in loading\n" in Path("child.log").read_text()


def test_stacks_are_asked_of_ranks_and_not_of_what_they_fork():
    code = "import faulthandler, os, signal, time; faulthandler.register(signal.SIGUSR1)\n"
    code += "forked = os.fork()\nif forked: open('pids', 'w').write(f'{os.getpid()} {forked}')\ntime.sleep(600)"
    hung(code, Limits(first_step=LOADING, stall=0.5, grace=1))
    assert Path("child.log").read_text().count("most recent call first") == 1


def test_a_number_in_a_beat_that_is_not_of_the_command_is_not_killed(tmp_path: Path):
    """SIGUSR1 ends who does not expect it."""
    thread = when_started(lambda: beat(1, pid=os.getpid()))
    code = "import os, time; open('pids', 'w').write(str(os.getpid())); time.sleep(600)"
    error = hung(code, Limits(first_step=60, stall=0.5, grace=1))
    assert error.fix.startswith("It could not write its stacks. ")
    thread.join()
