"""One writer in a folder: races of real processes, dead owners, other machines, file systems without locks."""

import errno
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from children import wait_for
from full import full
from tally import Count

from omnitune import alive, work_lease
from omnitune.environments import ROOT
from omnitune.errors import PipelineError

WORK = Path("sft/checkpoints")
HERE = os.uname().nodename

# Takes the folder, writes who it is for a while, and says so if it was not alone.
WRITER = """
import os, sys, time
from pathlib import Path
from omnitune import errors, work_lease
def main(argv):
    with work_lease.held(Path("sft/checkpoints")):
        with open("writers", "a") as file:
            file.write(f"{os.getpid()}\\n")
        others = Path("at_work").exists()
        Path("at_work").touch()
        time.sleep(float(sys.argv[1]))
        Path("at_work").unlink()
        return 99 if others else 0
errors.run(main)
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SLURM_JOB_ID", "SLURM_RESTART_COUNT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def _without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system as Lustre is without the option flock."""

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(work_lease, "_SETTLE_SECONDS", 0.2)


def writer(seconds: float) -> "subprocess.Popen[str]":
    """Start a process that writes there."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(seconds)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")},
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def lease(age: float = 0.0, **owner: Any) -> None:
    """Leave a lease whose last beat was some seconds ago."""
    path = work_lease.lease_of(WORK)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pid": 4711, "born": 1.0, "host": HERE, "job": "", **owner}))
    os.utime(path, (time.time() - age,) * 2)


def refused() -> PipelineError:
    with pytest.raises(PipelineError) as failed, work_lease.held(WORK):
        pass
    assert failed.value.code == 75
    return failed.value


def test_launchers_that_race_make_one_writer(count: Count) -> None:
    """The others are refused, and name it. From the second race on they find the lease of one that was killed."""
    rounds, each = full((3, 5), (50, 5))
    for number in range(rounds):
        processes = [writer(seconds=600) for _ in range(each)]
        try:
            wait_for(lambda: sum(process.poll() is None for process in processes) == 1)  # noqa: B023
            (owner,) = [process for process in processes if process.poll() is None]
            wait_for(lambda: len(Path("writers").read_text().split()) == number + 1)  # noqa: B023
            assert Path("writers").read_text().split()[-1] == str(owner.pid)
            for process in processes:
                if process is not owner:
                    _, error = process.communicate()
                    assert process.returncode == 75
                    assert f"another process writes here (pid {owner.pid} on {HERE}, last beat " in error
        finally:
            for process in processes:
                process.kill()
                process.wait()
        Path("at_work").unlink()
        count("races of launchers with one writer")


def test_a_writer_that_ends_leaves_the_folder_to_the_next() -> None:
    for _ in range(2):
        assert writer(seconds=0).wait(timeout=60) == 0
    assert not work_lease.lease_of(WORK).exists()
    with work_lease.held(WORK):
        assert alive.alive(alive.read(work_lease.lease_of(WORK)))


def test_a_killed_owner_is_taken_over(capsys: pytest.CaptureFixture[str]) -> None:
    owner = writer(seconds=600)
    wait_for(lambda: Path("at_work").exists())
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    with work_lease.held(WORK):
        pass
    assert capsys.readouterr().out == f"The lease of pid {owner.pid} on {HERE} is taken over: it is gone.\n"


def test_what_a_dead_owner_left_running_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command inherits the lock: while it ends, nobody else writes."""
    with work_lease.held(WORK) as lock:
        child = subprocess.Popen(["sleep", "600"], pass_fds=[lock])
    lease()
    try:
        monkeypatch.setattr(work_lease, "_ORPHAN_SECONDS", 0.5)
        assert "pid 4711" in refused().what
        monkeypatch.setattr(work_lease, "_ORPHAN_SECONDS", 60)
        os.kill(child.pid, signal.SIGKILL)
        with work_lease.held(WORK):
            pass
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("age", [0, 100])
def test_an_owner_on_another_machine_is_respected_as_soon_as_it_beats(
    age: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Till then it may be gone, as a job that was killed and started again elsewhere is."""
    lease(age, host="node7", job="42")
    beats = iter([lambda: None, lambda: lease(0, host="node7", job="42")])
    monkeypatch.setattr(time, "sleep", lambda seconds: next(beats)())
    error = refused()
    told = r"another process writes here \(pid 4711 on node7, Slurm job 42, last beat \d s ago\)"
    assert re.fullmatch(told, error.what), error.what
    assert error.where == str(WORK)
    assert error.fix == "Wait for it or end it, then run the same command again."
    told = capsys.readouterr().out
    assert re.fullmatch(
        r"Waiting up to (3 min|\d+ s) for pid 4711 on node7, Slurm job 42: it may be gone, and its next beat "
        r"would tell.\n",
        told,
    ), told


@pytest.mark.parametrize("clock", ["right", "ahead"])
def test_an_owner_on_another_machine_that_does_not_beat_is_waited_for_and_taken_over(
    clock: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(work_lease, "STALE_SECONDS", 1.0)
    monkeypatch.setattr(work_lease, "_LOOK_SECONDS", 0.05)
    begun = time.monotonic()
    lease(0 if clock == "right" else -3600, host="node7")
    with work_lease.held(WORK):
        assert 0.8 < time.monotonic() - begun < 30
        assert alive.read(work_lease.lease_of(WORK))["host"] == HERE
    assert capsys.readouterr().out.endswith("The lease of pid 4711 on node7 is taken over: it is gone.\n")


def test_an_owner_on_another_machine_that_ends_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    lease(0, host="node7")
    monkeypatch.setattr(time, "sleep", lambda seconds: work_lease.lease_of(WORK).unlink())
    with work_lease.held(WORK):
        pass


def test_a_lock_that_a_lost_machine_still_holds_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file server keeps it for a while; of one that works the lease would beat."""
    WORK.parent.mkdir()
    theirs = os.open(WORK.with_name(f".{WORK.name}.lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(theirs, fcntl.LOCK_EX)
    lease(work_lease.STALE_SECONDS + 60, host="node7")
    monkeypatch.setattr(work_lease, "_ORPHAN_SECONDS", 0)
    looks = iter(range(3))
    monkeypatch.setattr(time, "sleep", lambda seconds: next(looks, None) is None and os.close(theirs))
    with work_lease.held(WORK):
        assert next(looks, None) is None


def test_an_owner_on_another_machine_that_is_silent_for_minutes_is_taken_over() -> None:
    lease(work_lease.STALE_SECONDS + 60, host="node7")
    with work_lease.held(WORK):
        assert alive.read(work_lease.lease_of(WORK))["host"] == HERE


def test_a_job_that_slurm_starts_again_elsewhere_takes_its_own_lease_over(monkeypatch: pytest.MonkeyPatch) -> None:
    lease(5, host="node7", job="42", restarts=1)
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("nothing is to be waited for"))
    with work_lease.held(WORK):
        mine = alive.read(work_lease.lease_of(WORK))
        assert (mine["job"], mine["restarts"]) == ("42", 2)


@pytest.mark.parametrize("restarts", ["", "1"])
def test_two_steps_of_one_slurm_job_keep_each_other_out(restarts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They share its number, and each lives."""
    owner: dict[str, Any] = {"host": "node7", "job": "42", "restarts": int(restarts or 0)}
    lease(5, **owner)
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    monkeypatch.setenv("SLURM_RESTART_COUNT", restarts)
    monkeypatch.setattr(time, "sleep", lambda seconds: lease(0, **owner))
    assert "pid 4711 on node7, Slurm job 42" in refused().what


@pytest.mark.parametrize("rubbish", ["", "{", "[]", '{"pid": "x"}', '{"host": 5}'])
def test_a_damaged_lease_holds_nobody_up(rubbish: str) -> None:
    WORK.parent.mkdir()
    work_lease.lease_of(WORK).write_text(rubbish)
    if rubbish.startswith('{"'):  # it says nothing of where it is from
        os.utime(work_lease.lease_of(WORK), (1, 1))
    with work_lease.held(WORK):
        pass


@pytest.mark.usefixtures("_without_locks")
def test_without_locks_the_lease_keeps_others_out() -> None:
    with work_lease.held(WORK):
        assert f"pid {os.getpid()} on {HERE}" in refused().what
    with work_lease.held(WORK):
        pass
    me = psutil.Process()
    lease(pid=me.pid, born=me.create_time() - 100)  # another process that had our number
    with work_lease.held(WORK):
        pass


@pytest.mark.usefixtures("_without_locks")
def test_without_locks_of_two_that_come_together_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: lease(host="node7"))
    assert "pid 4711 on node7" in refused().what


def test_a_lease_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_lease, "BEAT_SECONDS", 0.05)
    with work_lease.held(WORK):
        path = work_lease.lease_of(WORK)
        os.utime(path, (1, 1))
        wait_for(lambda: path.stat().st_mtime > 1)


@pytest.fixture
def beating_writer() -> Iterator["subprocess.Popen[str]"]:
    """A writer that beats at once."""
    code = WRITER.replace("def main", "work_lease.BEAT_SECONDS = 0.05\ndef main")
    process = subprocess.Popen(
        [sys.executable, "-c", code, "600"], env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: Path("at_work").exists())
    yield process
    process.kill()
    process.wait()


def test_an_owner_that_was_taken_over_ends_at_once(beating_writer: "subprocess.Popen[str]") -> None:
    """It was frozen for minutes, and another machine went on in its place."""
    lease(host="node7")
    _, error = beating_writer.communicate(timeout=60)
    assert beating_writer.returncode == 75
    assert "another process writes here (pid 4711 on node7" in error
    assert alive.read(work_lease.lease_of(WORK))["host"] == "node7"
