"""Run one ms-swift command: own process group, one log, forwarded signals, no orphan, failures explained."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from omnitune.errors import ExitCode, PipelineError

# The process whose death ends the command: Snakemake sets it for its jobs (rules/common.smk).
LAUNCHER = "OMNITUNE_LAUNCHER_PID"
GRACE_SECONDS = 20
# By it a command's processes know each other: torch's launcher puts its ranks into groups of their own.
_MARK = "OMNITUNE_COMMAND"
_POLL_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1


class Stopped(PipelineError):
    """The command was asked to end, and did."""


# What a child may see of our environment: a variable exported by chance must not change the training.
_ALLOWED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_.*|TZ|TMPDIR|LD_LIBRARY_PATH|OMP_.*|OPENBLAS_.*|MKL_.*|CUDA_.*|NVIDIA_.*|NCCL_.*|"
    r"GLOO_.*|SLURM_.*|TORCH_EXTENSIONS_DIR|TRITON_CACHE_DIR|CC|CXX|PYTHONPATH|OMNITUNE_.*"
)

# Text near the end of the log -> exit code and what to do about it; the first match wins.
_KNOWN_FAILURES: list[tuple[str, ExitCode, str]] = [
    (r"CUDA out of memory|OutOfMemoryError", ExitCode.GPU_MEMORY,
     "Lower sft.micro_batch (infer.batch_size), media.image_max_pixels or sft.max_length, or set "
     "sft.gradient_checkpointing: true."),
    (r"\bRewardError: ", ExitCode.CONFIG, "Mend the function in grpo.reward_file."),
    (r"\bRolloutError: ", ExitCode.CONFIG,
     "Do not go on from its checkpoints. Remove what changes one side only (grpo.swift, grpo.server.swift), or "
     "set grpo.rollout: transformers."),
    (r"No space left on device|Disk quota exceeded", ExitCode.DISK, "Free space for the results folder."),
    (r"remaining_argv|unrecognized arguments", ExitCode.CONFIG, "Remove the flag from sft.swift."),
    (r"Your setup doesn't support bf16/gpu", ExitCode.CONFIG, "Set device: cpu, or run where there is a GPU."),
    (r"address already in use", ExitCode.BUSY, "Choose another port, or end what listens there."),
    (r"Socket Timeout|Watchdog caught collective operation timeout", ExitCode.HANG, "Start again: it resumes."),
]  # fmt: skip


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The child's environment: what is allowed of ours, then `extra`; offline unless it says otherwise."""
    kept = {name: value for name, value in os.environ.items() if _ALLOWED.fullmatch(name)}
    ours = {
        "HF_HUB_OFFLINE": "1",
        "USE_HF": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "PYTHONUNBUFFERED": "1",
    }
    return {**kept, **ours, **extra}


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    keep_open: Sequence[int] = (),
    progress: Callable[[], str | None] = lambda: None,
    progress_seconds: float = 30,
) -> None:
    """Run a command to its end.

    Args:
        argv: the command; it becomes the leader of a process group of its own.
        env: its whole environment.
        log: file that takes its output, from the beginning.
        keep_open: descriptors that the command inherits: the locks of its GPUs.
        progress: called every `progress_seconds`; what it returns is printed as one line.

    Raises:
        Stopped: by a signal, or because its launcher is gone.
        PipelineError: when it fails. In either case nothing of it is left running.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    launcher = _launcher()
    mark = uuid.uuid4().hex
    with log.open("wb") as output, signals() as received:
        # start_new_session: a Ctrl-C in the terminal reaches us alone, and we decide what the group gets.
        child = subprocess.Popen(
            argv, env={**env, _MARK: mark}, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True, pass_fds=tuple(keep_open), preexec_fn=_die_with_parent,
        )  # fmt: skip
        reason, told, last = None, time.monotonic(), None
        try:
            while child.poll() is None and reason is None:
                time.sleep(_POLL_SECONDS)
                if received:
                    reason = signal.Signals(received[0]).name
                elif launcher and not _alive(*launcher):
                    reason = "the end of Snakemake"
                if time.monotonic() - told >= progress_seconds:
                    told = time.monotonic()
                    line = progress()
                    if line and line != last:
                        print(line, flush=True)
                    last = line
            if reason:
                _stop(child)
        finally:
            _kill_group(child.pid)
            child.wait()
            _kill_marked(mark)
    if reason:
        raise Stopped(
            f"Stopped by {reason}",
            fix="The same command goes on from the last checkpoint.",
            code=ExitCode.INTERRUPTED,
        )
    if child.returncode:
        raise _failure(argv, child.returncode, log)


def _launcher() -> tuple[int, float] | None:
    import psutil

    if not (named := os.environ.get(LAUNCHER, "")).isdigit():
        return None  # started by hand
    pid = int(named)
    try:
        return pid, psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return pid, 0.0  # gone before we began: noticed at the first look


def _alive(pid: int, created: float) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        return process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def signals() -> Iterator[list[int]]:
    """Collect the signals that ask us to end, instead of dying of them with the child left behind."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    kinds = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {kind: signal.signal(kind, note) for kind in kinds}
    try:
        yield received
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _die_with_parent() -> None:
    # Runs in the child between fork and exec. SIGTERM, which torchrun passes on to its ranks.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(child: subprocess.Popen[bytes]) -> None:
    _signal_group(child.pid, signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"It did not end within {GRACE_SECONDS} s: killed.", file=sys.stderr, flush=True)


def _kill_group(leader: int) -> None:
    _signal_group(leader, signal.SIGKILL)


def _kill_marked(mark: str) -> None:
    import psutil

    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # gone meanwhile, or another user's
            if process.environ().get(_MARK) == mark:
                process.kill()


def _signal_group(leader: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, number)


def _failure(argv: Sequence[str], returncode: int, log: Path) -> PipelineError:
    tail = _tail(log)
    # torch's launcher ends with 1 when one of its processes was killed; which came first stands in a table.
    if returncode == -signal.SIGKILL or re.search(r"Root Cause.*^ *exitcode +: -9 ", tail, re.S | re.M):
        return PipelineError(
            "ms-swift was killed, by hand or because the machine's memory was used up",
            where=str(log),
            fix="Look at the kernel's log for the second; the same command goes on from the last checkpoint.",
            code=ExitCode.KILLED,
        )
    for pattern, code, fix in _KNOWN_FAILURES:
        if re.search(pattern, tail):
            return PipelineError(_last_error(tail), where=str(log), fix=fix, code=code)
    return PipelineError(
        f"ms-swift ended with {returncode}: {_last_error(tail)}",
        where=str(log),
        fix="Its whole output is in that file.",
        code=ExitCode.TRAINER,
    )


def _tail(log: Path, size: int = 20_000) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - size))
        return file.read().decode(errors="replace")


def _last_error(tail: str) -> str:
    """The last line that names an exception, else the last line."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    # ChildFailedError is the launcher's, and says no more than that a rank ended.
    error = re.compile(r"(?!\S*ChildFailedError)(\[rank\d+\]: )?[\w.]*(Error|Exception|Interrupt)\b")
    errors = [line for line in lines if error.match(line)]
    return (errors or lines or ["no output"])[-1][:300]
