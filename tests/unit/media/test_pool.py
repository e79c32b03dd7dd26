"""Jobs in processes that may die of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pool_jobs
import psutil
import pytest
from children import wait_for

from omnitune.environments import ROOT
from omnitune.media.pool import Lost, Pool


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(pool_jobs.do, 2)
    yield pool
    pool.close()


def do(pool: Pool, *jobs: bytes, chunk: int = 4) -> list[bytes | Lost]:
    return pool.map(jobs, [pool_jobs.seconds(job) for job in jobs], chunk)


def test_replies_come_in_the_order_of_jobs(pool: Pool):
    jobs = [f"job {number}".encode() for number in range(500)]
    assert do(pool, *jobs, chunk=16) == jobs
    assert do(pool) == []


def test_the_work_is_shared(pool: Pool):
    pids = do(pool, *[b"pid 0"] * 400, chunk=1)
    assert len(set(pids)) == 2
    assert str(os.getpid()).encode() not in pids


@pytest.mark.parametrize(
    ("job", "lost"),
    [
        (b"kill 11", Lost("Segmentation fault")),
        (b"kill 9", Lost("Killed")),
        (b"exit 3", Lost("exit code 3")),
        (b"hang 60", Lost("not done after 0.5 s", late=True)),
    ],
)
def test_a_job_that_ends_its_process_costs_itself_alone(pool: Pool, job, lost):
    jobs = [f"job {number}".encode() for number in range(80)]
    bad = (0, 17, 18, 39, 79)
    for place in bad[: 2 if job.startswith(b"hang") else None]:
        jobs[place] = job
    expected = [lost if given == job else given for given in jobs]
    begun = time.monotonic()
    assert do(pool, *jobs, chunk=10) == expected
    assert time.monotonic() - begun < 50
    assert do(pool, b"job 1") == [b"job 1"]


def test_processor_time_ends_with_its_allowance(pool: Pool):
    pool = Pool(pool_jobs.do, 1)
    # The parent waits longer than the process may run: the kernel is to end it.
    (lost,) = pool.map([b"spin 60"], [1.0], 1)
    assert isinstance(lost, Lost)
    assert lost.late
    pool.close()


def test_replies_larger_than_a_pipe_do_not_block(pool: Pool):
    replies = do(pool, *[b"big 200000"] * 20, chunk=10)
    assert [len(reply) for reply in replies] == [200_000] * 20


def test_a_process_that_was_killed_at_rest_is_no_job_s_fault(pool: Pool):
    for pid in set(do(pool, *[b"pid 0"] * 200, chunk=1)):
        os.kill(int(pid), signal.SIGKILL)
    # Their number may be free a moment before the one that they were forked from says so.
    wait_for(lambda: not any(worker.alive() for worker in pool._workers))
    assert do(pool, *[b"job 1"] * 8) == [b"job 1"] * 8


def test_a_closed_pool_has_no_processes(pool: Pool):
    pids = {int(pid) for pid in do(pool, *[b"pid 0"] * 200, chunk=1)}
    assert pids
    pool.close()
    wait_for(lambda: not any(map(psutil.pid_exists, pids)))


PARENT = """
import signal, sys
import pool_jobs
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
from omnitune.media.pool import Pool
pool = Pool(pool_jobs.do, 2)
print(*{reply.decode() for reply in pool.map([b"pid 0"] * 200, [60] * 200, 1)}, flush=True)
pool.map([b"hang 100"] * 2, [100] * 2, 1)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_parent_that_is_ended_leaves_no_process(how):
    path = {"PYTHONPATH": os.pathsep.join([str(ROOT / "workflow" / "scripts"), str(Path(__file__).parents[2])])}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], env=os.environ | path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert pids
    family = psutil.Process(parent.pid).children(recursive=True)
    assert set(pids) <= {process.pid for process in family}
    time.sleep(0.3)  # into the jobs that hang
    parent.send_signal(how)
    parent.wait(60)
    parent.stdout.close()
    _, left = psutil.wait_procs(family, timeout=50)  # the jobs that hang take 100 s
    assert left == []


SHORT = """
import tempfile
import pool_jobs
from omnitune.media.pool import Pool
place = tempfile.gettempdir()
pool = Pool(pool_jobs.do, 1)
assert pool.map([b"echo 1"], [60], 1) == [b"echo 1"]
pool.close()
assert tempfile.gettempdir() == place
"""


def test_a_folder_of_temporary_files_may_have_a_long_name(tmp_path: Path):
    """A socket's address may not, and schedulers name such folders by user, job and node."""
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    path = os.pathsep.join([str(ROOT / "workflow" / "scripts"), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", SHORT],
        env=os.environ | {"PYTHONPATH": path, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
