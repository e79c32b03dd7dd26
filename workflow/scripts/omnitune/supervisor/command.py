"""Run one ms-swift command: one log, forwarded wishes to end, a watch over its progress, failures explained."""

import os
import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from omnitune import alive, disk
from omnitune.errors import OF_DISK, ExitCode, PipelineError, of_machine
from omnitune.supervisor import failures, signals, stopping
from omnitune.supervisor.family import Family
from omnitune.supervisor.output import Output
from omnitune.supervisor.redaction import Redactor
from omnitune.supervisor.signals import Stopped
from omnitune.supervisor.watchdog import Limits, Watchdog

_POLL_SECONDS = 0.2
_LOOK_SECONDS = 1.0
GRACE_SECONDS = 20.0  # of a command that is not watched: a server
_RESUMES = "The same command goes on from the last checkpoint."
_AGAIN = "Run the same command again: it goes on from what is whole."


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    stage: str = "",
    keep_open: Sequence[int] = (),
    work: Path | None = None,
    limits: Limits | None = None,
    progress: Callable[[], str | None] = lambda: None,
    progress_seconds: float = 60,
    echo: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Run a command to its end.

    Args:
        argv: the command; it becomes the leader of a process group of its own.
        env: its whole environment.
        log: file that takes its output without secrets, from the beginning; the one before it stays as `{log}.1`.
        stage: section of the config, of what trains: for the remedies.
        keep_open: descriptors that the command inherits: the locks of its GPUs.
        work: folder of the checkpoints, where a trainer looks for the wish to stop and shows that it lives.
        limits: how long it may take to end, and give no sign of progress; None watches nothing.
        progress: called every `progress_seconds`; what it returns is printed as one line.
        echo: descriptor that takes these lines too, with the command's name: the terminal behind a log.
        check: called several times a second; what it raises ends the command, and is raised.

    Raises:
        Stopped: by a signal, or because its launcher is gone.
        PipelineError: when it fails or hangs. In any case nothing of it is left running.
    """
    kills = failures.kernel_kills()
    again = _RESUMES if work else _AGAIN
    stopping.begin(work)
    watchdog = Watchdog(work, limits, lambda: output.received)  # before there is anything to see
    with (
        signals.collected() as wishes,
        Family(argv, env, keep_open) as family,
        Output(family.output, log, Redactor(os.environ, env)) as output,
    ):
        alive.add(log, gpus=env.get("CUDA_VISIBLE_DEVICES", ""), limits=limits and asdict(limits))
        lines = _Lines(progress, progress_seconds, log, echo)
        error: PipelineError | None = None
        try:
            while (returncode := family.returncode) is None and error is None:
                time.sleep(_POLL_SECONDS)
                lines.tell()
                if wishes.wanted:
                    grace = limits.grace if limits else GRACE_SECONDS
                    saves, saving = watchdog.has_stepped(), watchdog.is_saving
                    stopping.stop(family, wishes, work, grace, saves=saves, saving=saving)
                    error = Stopped.by(wishes, again)
                elif silence := watchdog.stalled():
                    stacks = stopping.write_stacks(family, output)
                    family.kill()  # before a disk is asked, which may not answer
                    error = _no_room(silence, work or log.parent) or _hung(silence, log, stacks, work is not None)
                else:
                    check()
        finally:
            family.kill()
        output.finish()
        if error is None and returncode and wishes.count:
            error = Stopped.by(wishes, again)  # the command was told, too, and ended before we looked
        elif error is None and returncode:
            full = failures.kernel_kills() > kills
            error = failures.explain(returncode, output.tail, log, stage=stage, memory_was_full=full)
            if output.failed and error.code == ExitCode.TRAINER:
                error = of_machine(output.failed)
        if error:
            output.add(f"error: {error}")
            raise error
    with suppress(OSError):  # of a full disk the caller will hear
        # What follows is ours alone, may take minutes, and has no watchdog.
        alive.add(log, gpus="", limits=None)
    if output.failed:
        print(f"warning: the log is not whole: {of_machine(output.failed)}", file=sys.stderr, flush=True)


class _Lines:
    """Prints how far it is: the first line as soon as there is one, then one in each interval, none twice."""

    def __init__(self, progress: Callable[[], str | None], seconds: float, log: Path, echo: int | None) -> None:
        self._progress, self._seconds, self._echo = progress, seconds, echo
        self._name = "/".join(log.with_suffix("").with_suffix("").parts[1:])
        self._next, self._last = time.monotonic(), ""

    def tell(self) -> None:
        if time.monotonic() >= self._next:
            line = self._progress() or ""
            self._next = time.monotonic() + (self._seconds if line else min(self._seconds, _LOOK_SECONDS))
            if line and line != self._last:
                print(line, flush=True)
                self._write(f"{self._name}: {line}\n")
            self._last = line

    def _write(self, line: str) -> None:
        if self._echo is not None:
            with suppress(OSError):  # the terminal was closed
                # Or is paused: nobody is to wait for a reader.
                if select.select([], [self._echo], [], 0)[1]:
                    os.write(self._echo, line.encode())


def _no_room(silence: str, folder: Path) -> PipelineError | None:
    """That the disk is full, if it is: what works on shows no sign of it then, since no beat can be written."""
    refusal = disk.refusal(folder)
    if refusal is None or refusal.errno is None:
        return None
    return PipelineError(
        f"{silence}, and none can be written ({refusal.strerror})",
        where=str(folder),
        fix=OF_DISK[refusal.errno],
        code=ExitCode.DISK,
    )


def _hung(silence: str, log: Path, stacks: bool, resumes: bool) -> PipelineError:
    found = "Its stacks are at the end of that file." if stacks else "It could not write its stacks."
    return PipelineError(
        f"ms-swift hung: {silence}",
        where=str(log),
        fix=f"{found} {_RESUMES if resumes else 'Run it again.'} Where it is only slow, raise "
        "resources.stall_minutes or resources.first_step_minutes.",
        code=ExitCode.HANG,
    )
