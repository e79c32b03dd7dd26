"""All processes of a command are found and ended, whatever they did with their session and their environment."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from children import SLEEP, all_gone, family, is_gone, pids, wait_for

from omnitune.supervisor.family import Family

# As a process that sets its title does: the memory of its environment is overwritten.
FORGETFUL = """
import ctypes, os, time
begin, end = [int(field) for field in open("/proc/self/stat").read().rpartition(")")[2].split()[47:49]]
ctypes.memset(begin, 0, end - begin)
time.sleep(600)
"""


def start(code: str) -> Family:
    """A family whose output nobody reads."""
    return Family([sys.executable, "-c", code], dict(os.environ))


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("inner", [SLEEP, FORGETFUL])
def test_leaving_the_block_ends_them_all(apart: bool, inner: str):
    with start(family(inner=inner, apart=apart)):
        alive = pids()
        assert not any(map(is_gone, alive))
        if inner == FORGETFUL and not apart:
            wait_for(lambda: not Path(f"/proc/{alive[1]}/environ").read_bytes().strip(b"\0"))
    assert all_gone()


def test_an_unmarked_child_of_a_rank_is_known_by_its_session_when_the_rank_is_dead():
    """torchrun's rank has a session of its own, in it vLLM's engine; the rank dies first."""
    rank = f"import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', {FORGETFUL!r}])\n"
    rank += "print(p.pid, file=open('engine', 'w'), flush=True); time.sleep(600)"
    with start(family(inner=rank, apart=True)) as command:
        wait_for(lambda: Path("engine").exists() and Path("engine").read_text())
        engine = int(Path("engine").read_text())
        wait_for(lambda: not Path(f"/proc/{engine}/environ").read_bytes().strip(b"\0"))
        command._relatives.look()  # it does so every few seconds
        for pid in pids():
            os.kill(pid, signal.SIGKILL)
        wait_for(all_gone)
        assert not is_gone(engine)
    assert is_gone(engine)


def test_a_process_of_others_is_left_alone():
    with subprocess.Popen(["sleep", "600"]) as other, start(SLEEP) as command:
        try:
            command.kill()
            assert other.poll() is None
        finally:
            other.kill()


def test_a_signal_is_told_to_those_of_it_alone_who_expect_it():
    hears = "import os, signal; signal.signal(signal.SIGUSR1, lambda *_: os._exit(7))\n"
    with subprocess.Popen([sys.executable, "-c", hears + SLEEP]) as other:
        try:
            with start(family(first=hears)) as command:
                leader, inner = pids()
                wait_for(lambda: command.tell(signal.SIGUSR1) == 1)
                wait_for(lambda: is_gone(leader))
                assert not is_gone(inner), "it expects none, and would end"
            assert other.poll() is None
        finally:
            other.kill()


def test_the_guardian_goes_with_the_command():
    with start("pass") as command:
        guardian = command._guardian
        assert psutil.Process(guardian.pid).is_running()
    assert guardian.returncode == 0


def test_a_command_without_its_guardian_is_supervised_all_the_same():
    with start(family()) as command:
        pids()
        command._guardian.kill()
    assert all_gone()


def test_who_hands_on_to_another_without_end_is_ended():
    Path("chain.py").write_text(
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-S', __file__], start_new_session=True)\n"
        "print(file=open('links', 'a'))\n"
    )
    with Family([sys.executable, "-S", "chain.py"], dict(os.environ)):
        wait_for(lambda: Path("links").exists() and Path("links").stat().st_size > 5)
    links = Path("links").stat().st_size
    assert not _running(str(Path("chain.py").resolve()), "chain.py")
    assert Path("links").stat().st_size == links


def _running(*words: str) -> list[int]:
    here = Path.cwd()
    found = psutil.process_iter(["cmdline", "cwd"])
    return [p.pid for p in found if p.info["cwd"] == str(here) and set(words) & set(p.info["cmdline"] or [])]
