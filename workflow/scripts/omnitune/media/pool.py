"""Worker processes for files that may hang or kill whoever decodes them.

Standard pools do not say which task a dead worker was at, or take 0.7 ms a task to do so (pebble 5.2), more than
most files need. Here every worker has a thread, which hands it a few jobs and waits for one reply each: the job
without a reply is the one to blame.
"""

import contextlib
import queue
import select
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import connection, get_context
from typing import Generic, NamedTuple, TypeVar

from omnitune.media.confine import allow_cpu, confine

# Loaded once, in the process that workers are forked from: 20 ms a worker in place of 1.3 s.
_PRELOAD = ["numpy", "soundfile", "PIL.Image", "PIL.ImageOps", "av", "pydantic", "omnitune.media.examine"]
# A worker's jobs at a time: the hand-over is shared by them, and few wait behind a slow one.
_CHUNK = 16

Job = TypeVar("Job")
Reply = TypeVar("Reply")


class Lost(NamedTuple):
    """A job that got no reply.

    Attributes:
        how: what ended its worker, in words.
        late: whether it ran out of time, and not into a fault.
    """

    how: str
    late: bool = False


class Pool(Generic[Job, Reply]):
    """Does jobs in confined processes; what one job does to its process costs no other job.

    Args:
        work: a function of a module, from a job to its reply; both must be picklable.
        processes: how many; they start with the first jobs.
    """

    def __init__(self, work: Callable[[Job], Reply], processes: int) -> None:
        self._work, self._processes = work, processes
        self._workers: list[_Worker[Job, Reply]] = []
        self._idle: queue.SimpleQueue[_Worker[Job, Reply] | None] = queue.SimpleQueue()
        for _ in range(processes):
            self._idle.put(None)
        self._threads = ThreadPoolExecutor(processes)
        self._changing, self._closed = threading.Lock(), False

    def map(self, jobs: Sequence[Job], seconds: Callable[[Job], float]) -> list[Reply | Lost]:
        """The replies, in the jobs' order; `seconds` is how long a job may take."""
        size = max(1, min(_CHUNK, len(jobs) // (4 * self._processes)))
        chunks = [jobs[start : start + size] for start in range(0, len(jobs), size)]
        try:
            done = self._threads.map(lambda chunk: self._do(chunk, [seconds(job) for job in chunk]), chunks)
            return [reply for replies in done for reply in replies]
        except BaseException:
            self.close()  # frees the threads, which wait for workers
            raise

    def close(self) -> None:
        """End the workers, whatever they are at."""
        with self._changing:
            self._closed = True
            for worker in self._workers:
                worker.end()
            self._workers.clear()
        self._threads.shutdown(cancel_futures=True)

    def _do(self, jobs: Sequence[Job], seconds: Sequence[float]) -> list[Reply | Lost]:
        worker = self._idle.get()
        replies: list[Reply | Lost] = []
        try:
            while len(replies) < len(jobs):
                if worker is None or not worker.alive():
                    worker = self._start()
                begun = len(replies)
                replies += worker.do(jobs[begun:], seconds[begun:])
                if isinstance(replies[-1], Lost):
                    self._discard(worker)
                    worker = None
        finally:
            self._idle.put(worker)
        return replies

    def _start(self) -> "_Worker[Job, Reply]":
        with self._changing:
            if self._closed:
                raise RuntimeError("the pool is closed")
            worker = _Worker(self._work)
            self._workers.append(worker)
            return worker

    def _discard(self, worker: "_Worker[Job, Reply]") -> None:
        with self._changing:
            if worker in self._workers:
                self._workers.remove(worker)
        worker.end()


class _Worker(Generic[Job, Reply]):
    """One process and the pipe to it."""

    def __init__(self, work: Callable[[Job], Reply]) -> None:
        # Forked from a small process of its own: this one may have threads, and much memory.
        context = get_context("forkserver")
        context.set_forkserver_preload(_PRELOAD)
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self._process.start()
        theirs.close()
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)

    def do(self, jobs: Sequence[Job], seconds: Sequence[float]) -> list[Reply | Lost]:
        """Replies up to the first job that is lost, or to all."""
        replies: list[Reply | Lost] = []
        try:
            self._pipe.send(list(zip(jobs, seconds, strict=True)))
            for limit in seconds:
                if not self._poll.poll(limit * 1000):
                    return [*replies, Lost(f"not done after {limit:g} s", late=True)]
                replies.append(self._pipe.recv())
        except (EOFError, OSError):
            replies.append(self._cause_of_death())
        return replies

    def alive(self) -> bool:
        """Whether it can take jobs: one that something else killed is to blame on no file."""
        return self._process.is_alive()

    def _cause_of_death(self) -> Lost:
        self._process.join(5)
        code = self._process.exitcode or 0
        if code == -signal.SIGXCPU:
            return Lost("out of processor time", late=True)
        return Lost(signal.Signals(-code).name if code < 0 else f"exit code {code}")

    def end(self) -> None:
        """Kill it; one that hangs in the kernel is left to die when its file answers."""
        with contextlib.suppress(ValueError):
            self._process.kill()
            self._process.join(1)
        self._pipe.close()


def _serve(pipe: connection.Connection, work: Callable[[Job], Reply]) -> None:
    """A worker's life: jobs in, replies out, until the pipe closes."""
    confine()
    while True:
        try:
            jobs = pipe.recv()
        except (EOFError, OSError):
            return
        for job, seconds in jobs:
            allow_cpu(seconds)
            pipe.send(work(job))
