"""Worker processes for files that may hang or kill whoever decodes them.

Standard pools do not say which task a dead worker was at, or take 0.7 ms a task to do so (pebble 5.2), more than
most files need. Here every worker has a thread, which hands it a chunk of jobs. Replies wait in a pipe, one a job,
until the chunk is done or its worker is; the first job without a reply is the one to blame.
"""

import contextlib
import os
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection as _Pipe
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from omnitune.errors import PipelineError
from omnitune.media.confine import allow_cpu, confine, keep_memory

# Loaded once, in the process that workers are forked from: 20 ms a worker in place of 1.3 s.
_PRELOAD = ["numpy", "soundfile", "av", "pyarrow", "isal.isal_zlib", "PIL.ImageOps"]
_PRELOAD += ["omnitune.media.examine", "omnitune.media.mend", "omnitune.media.wav_writer"]
_PRELOAD += [f"PIL.{name}ImagePlugin" for name in ("Bmp", "Gif", "Jpeg", "Mpo", "Png", "WebP")]
_LIBRARY = str(Path(__file__).parents[2])
_START_SECONDS = 120
# Bytes: of the 107 of a socket's address, multiprocessing wants some 32.
_LONGEST_PLACE = 70
# How often a silent worker is asked how far it is, in seconds.
_TICK = 0.25

Job = TypeVar("Job")


class Lost(NamedTuple):
    """A job that got no reply.

    Attributes:
        how: what ended its worker, in words.
        late: whether it ran out of time, and not into a fault.
    """

    how: str
    late: bool = False


class Pool(Generic[Job]):
    """Does jobs in confined processes; what one job does to its process costs no other job.

    Args:
        work: from a job to its reply; work and jobs must be picklable.
        processes: how many; they start with the first jobs.
        writes: bytes that a file they write may have; as a rule they write none.
    """

    def __init__(self, work: Callable[[Job], bytes], processes: int, writes: int = 0) -> None:
        self._work, self._processes, self._writes = work, processes, writes
        self._workers: list[_Worker[Job]] = []
        self._idle: queue.SimpleQueue[_Worker[Job] | None] = queue.SimpleQueue()
        for _ in range(processes):
            self._idle.put(None)
        self._threads = ThreadPoolExecutor(processes)
        self._changing, self._closed = threading.Lock(), False

    def map(self, jobs: Sequence[Job], seconds: Sequence[float], chunk: int) -> list[bytes | Lost]:
        """The replies, in the jobs' order.

        Args:
            jobs: what is to be done.
            seconds: how long each may take.
            chunk: jobs handed over at a time, at most: many quick ones, few that others would wait for.
        """
        size = max(1, min(chunk, len(jobs) // (4 * self._processes)))
        parts = [slice(start, start + size) for start in range(0, len(jobs), size)]
        try:
            done = self._threads.map(self._do, [jobs[part] for part in parts], [seconds[part] for part in parts])
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

    def _do(self, jobs: Sequence[Job], seconds: Sequence[float]) -> list[bytes | Lost]:
        worker = self._idle.get()
        replies: list[bytes | Lost] = []
        try:
            while len(replies) < len(jobs):
                worker = worker or self._start()
                # One that something else ended meanwhile is to blame on no file.
                if worker.alive():
                    begun = len(replies)
                    replies += worker.do(jobs[begun:], seconds[begun:])
                    if not isinstance(replies[-1], Lost):
                        continue
                self._discard(worker)
                worker = None
        finally:
            self._idle.put(worker)
        return replies

    def _start(self) -> "_Worker[Job]":
        with self._changing:
            if self._closed:
                raise RuntimeError("the pool is closed")
            worker = _Worker(self._work, self._writes)
            self._workers.append(worker)
            return worker

    def _discard(self, worker: "_Worker[Job]") -> None:
        with self._changing:
            if worker in self._workers:
                self._workers.remove(worker)
        worker.end()


class _Worker(Generic[Job]):
    """One process and the pipe to it."""

    def __init__(self, work: Callable[[Job], bytes], writes: int) -> None:
        # Forked from a small process of its own: this one may have threads, and much memory.
        context = get_context("forkserver")
        context.set_forkserver_preload(_PRELOAD)
        _start_server()
        self._pipe, theirs = context.Pipe()
        # Told of at the end of a chunk: to be woken for every reply costs more than a file's hash.
        self._done, done = context.Pipe(duplex=False)
        self._process = context.Process(target=_serve, args=(theirs, done, work, writes), daemon=True)
        self._process.start()
        theirs.close()
        done.close()
        try:
            # Its start is not to be counted as a job's time.
            if not self._done.poll(_START_SECONDS):
                raise EOFError
            self._done.recv_bytes()
        except (EOFError, OSError):
            self.end()
            what = "a process that reads media does not start"
            raise PipelineError(what, fix="Is the memory full? Set validate.processes lower.") from None

    def do(self, jobs: Sequence[Job], seconds: Sequence[float]) -> list[bytes | Lost]:
        """Replies up to the first job that is lost, or to all."""
        replies: list[bytes | Lost] = []
        try:
            self._pipe.send(list(zip(jobs, seconds, strict=True)))
            heard = time.monotonic()
            while not self._done.poll(_TICK):
                if self._pipe.poll():
                    replies += self._waiting()
                    heard = time.monotonic()
                elif len(replies) < len(jobs) and time.monotonic() - heard > seconds[len(replies)]:
                    return [*replies, Lost(f"not done after {seconds[len(replies)]:g} s", late=True)]
            self._done.recv_bytes()
            replies += [self._pipe.recv_bytes() for _ in jobs[len(replies) :]]
        except (EOFError, OSError):
            replies += self._waiting()
            if len(replies) < len(jobs):
                replies.append(self._cause_of_death())
        return replies

    def _waiting(self) -> Iterator[bytes]:
        """The replies that are in the pipe."""
        with contextlib.suppress(EOFError, OSError):
            while self._pipe.poll():
                yield self._pipe.recv_bytes()

    def alive(self) -> bool:
        """Whether it can take jobs."""
        return self._process.is_alive()

    def _cause_of_death(self) -> Lost:
        self._process.join(5)
        code = self._process.exitcode or 0
        if code == -signal.SIGXCPU:
            return Lost("out of processor time", late=True)
        return Lost(signal.strsignal(-code) or f"signal {-code}" if code < 0 else f"exit code {code}")

    def end(self) -> None:
        """Kill it; one that hangs in the kernel is left to die when its file answers."""
        with contextlib.suppress(ValueError):
            self._process.kill()
            self._process.join(1)
        self._pipe.close()
        self._done.close()


def _start_server() -> None:
    """Start the process that workers are forked from, if it does not run."""
    # It imports what it is to load by its own path, which is not this process's.
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([_LIBRARY, *([before] if before else [])])
    place = tempfile.gettempdir()
    # Its socket lies in the folder of temporary files, whose name may be longer than a socket's can be.
    tempfile.tempdir = place if len(os.fsencode(place)) <= _LONGEST_PLACE else "/tmp"
    try:
        forkserver.ensure_running()
    finally:
        tempfile.tempdir = place
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _serve(pipe: _Pipe, done: _Pipe, work: Callable[[Job], bytes], writes: int) -> None:
    """A worker's life: jobs in, replies out, until the pipe closes."""
    confine([pipe.fileno(), done.fileno()], writes)
    keep_memory()
    done.send_bytes(b"")
    while True:
        try:
            jobs = pipe.recv()
        except (EOFError, OSError):
            return
        for job, seconds in jobs:
            allow_cpu(seconds)
            pipe.send_bytes(work(job))
        done.send_bytes(b"")
