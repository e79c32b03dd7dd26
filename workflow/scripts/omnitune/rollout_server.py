"""The vLLM server that samples for GRPO: started beside a training, watched, and ended with it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnitune import launcher, supervisor, swift_process
from omnitune.errors import ExitCode, PipelineError
from omnitune.rollout_args import HOST, found_at
from omnitune.serving import LISTENS, check_port
from omnitune.supervisor import signals
from omnitune.swift_args import command_line

if TYPE_CHECKING:
    import psutil

# A 30B model is read from disk and warmed up in minutes; on a network disk in more, and the config may say so.
START_SECONDS = 1800.0
_POLL_SECONDS = 0.5
_STOP_SECONDS = supervisor.GRACE_SECONDS + 10
# Linux keeps a port for a minute after a server that closed its connections first.
_FORGET_SECONDS = 65.0
# How vLLM titles the processes of an engine.
_ENGINE = "VLLM::"
_COMMAND = Path(__file__).parents[1] / "rollout.py"


class ServerError(PipelineError):
    """The server has failed, not the training."""


@dataclass(frozen=True)
class Server:
    """A server as its rule describes it.

    Attributes:
        arguments: its arguments file.
        port: where it listens; the weights come in by the next one.
        gpus: how many it takes.
        log: file for what ms-swift says.
    """

    arguments: Path
    port: int
    gpus: int
    log: Path

    @property
    def flags(self) -> list[str]:
        """Flags by which a training finds it."""
        return command_line(found_at(self.port))


def serve(arguments: Mapping[str, Any], *, python: str, devices: str, port: int, cache: Path, log: Path) -> None:
    """Run a server in the foreground until it is asked to end; nothing of it is left then.

    Args:
        arguments: arguments of `swift rollout`.
        python: interpreter of an environment with vLLM.
        devices: value of CUDA_VISIBLE_DEVICES.
        port: where it listens.
        cache: folder for its caches.
        log: file for what ms-swift says.

    Raises:
        PipelineError: the port or the next one is taken, it cannot start, or it ended by itself.
    """
    for one in (port, port + 1):
        _wait_for_port(one)
    try:
        supervisor.run(
            swift_process.command(python, "rollout", {**arguments, "port": port}, processes=1),
            env=supervisor.environment(swift_process.environment(python, arguments, cache, devices)),
            log=log,
        )
    except supervisor.Stopped:
        return
    raise PipelineError("the rollout server ended by itself", where=str(log), code=ExitCode.TRAINER)


def _wait_for_port(port: int) -> None:
    """Wait until a server that was there before is forgotten; one that is there still is refused at once."""
    end = time.monotonic() + _FORGET_SECONDS
    while True:
        try:
            return check_port(HOST, port)
        except PipelineError as error:
            if error.code != ExitCode.BUSY or _listens(port) or time.monotonic() > end:
                fix = "End what uses it, or choose another: grpo.server.port, which takes the next one too."
                raise PipelineError(error.what, where=error.where, fix=fix, code=error.code) from None
        time.sleep(_POLL_SECONDS)


def _listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex((HOST, port)) == 0


@dataclass
class Running:
    """A server that answers, in a process of ours that ends it when we are gone."""

    server: Server
    process: "subprocess.Popen[bytes]"
    workers: "list[psutil.Process]" = field(default_factory=list)

    def check(self) -> None:
        """Look whether it still works.

        Raises:
            ServerError: it has ended, or a process of it that holds a copy of the model: ms-swift would go on
                waiting for its answer.
        """
        gone = self.process.poll() is not None or any(not _lives(worker) for worker in self.workers)
        if gone:
            raise ServerError(
                "the rollout server has ended, so the training was ended too",
                where=str(self.server.log),
                fix="Its output is in that file. The same command goes on from the last checkpoint.",
                code=ExitCode.TRAINER,
            )


@contextmanager
def running(
    server: Server | None,
    *,
    python: str,
    devices: str,
    cache: Path,
    keep_open: Sequence[int] = (),
    first_step: float = 0,
) -> Iterator[Callable[[], None]]:
    """Start a server, wait until it answers, and end it with all its processes after the block; None needs none.

    Args:
        keep_open: descriptors that it inherits: the locks of its GPUs, whose memory outlives us.
        first_step: seconds that a training has until its first step: so long, and no less than START_SECONDS, may
            the server take, which reads the same model.

    Yields:
        A look whether it still works, which raises when it does not (`Running.check`).

    Raises:
        ServerError: it did not start; or the block failed because it had ended.
        Stopped: before it answered.
    """
    if server is None:
        yield lambda: None
        return
    supervisor.keep_last(server.log)  # an earlier server's word is not this one's
    print(f"Starting the rollout server at {HOST}:{server.port}; its output is in {server.log}.", flush=True)
    argv = [
        sys.executable, str(_COMMAND), "--args", str(server.arguments), "--python", python, "--devices", devices,
        "--port", str(server.port), "--cache", str(cache), "--log", str(server.log),
    ]  # fmt: skip
    # A group of its own: the terminal's Ctrl-C is ours to act on. It watches for our end itself.
    started = Running(
        server,
        subprocess.Popen(
            argv, env={**os.environ, **launcher.ours()}, start_new_session=True, stdin=subprocess.DEVNULL,
            pass_fds=keep_open,
        ),
    )  # fmt: skip
    try:
        _until_ready(started, max(START_SECONDS, first_step))
        try:
            yield started.check
        except supervisor.Stopped:
            raise
        except PipelineError:
            started.check()  # what the training says of a server that is gone explains nothing
            raise
    finally:
        _end(started.process)


def _until_ready(started: Running, seconds: float) -> None:
    server, begun = started.server, time.monotonic()
    with signals.collected() as wishes:
        while not _answers(server):
            if wishes.wanted:
                raise supervisor.Stopped.by(wishes)
            if started.process.poll() is not None:
                raise ServerError(
                    "the rollout server did not start; why stands above",
                    where=str(server.log),
                    fix="Mend that, then run the same command again.",
                    code=_code(started.process.returncode),
                )
            if time.monotonic() - begun > seconds:
                raise ServerError(
                    f"the rollout server did not answer within {seconds / 60:g} minutes",
                    where=str(server.log),
                    fix="Look at that file; if it only takes longer, raise resources.first_step_minutes.",
                    code=ExitCode.HANG,
                )
            time.sleep(_POLL_SECONDS)
    started.workers = _workers(started.process.pid)


def _code(returned: int) -> ExitCode:
    """The launcher's own exit code; one that was ended from outside has failed all the same."""
    return ExitCode(returned) if returned and returned in set(ExitCode) else ExitCode.TRAINER


def _answers(server: Server) -> bool:
    """Whether it listens, where it was told to: of a taken port ms-swift takes the next one without a word."""
    text = server.log.read_text(encoding="utf-8", errors="replace") if server.log.exists() else ""
    if not (found := LISTENS.search(text)):
        return False
    if int(found[1]) != server.port:
        raise ServerError(
            f"port {server.port} was taken while ms-swift started, and it chose {found[1]}",
            where=f"{HOST}:{server.port}",
            fix="Run it again, with another grpo.server.port if it stays taken.",
            code=ExitCode.BUSY,
        )
    try:
        with urllib.request.urlopen(f"http://{HOST}:{server.port}/health/", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _workers(command: int) -> "list[psutil.Process]":
    """The processes that hold the model: workers of ms-swift, without Python's helper, and engines of vLLM."""
    import psutil

    swifts = psutil.Process(command).children()
    started = [child for one in swifts for child in one.children() if not _has(child, "resource_tracker")]
    return started + [one for child in started for one in child.children(recursive=True) if _has(one, _ENGINE)]


def _has(process: "psutil.Process", text: str) -> bool:
    import psutil

    try:
        return any(text in part for part in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def _lives(process: "psutil.Process") -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
