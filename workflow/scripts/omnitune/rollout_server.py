"""The vLLM server that samples for GRPO: started beside a training, watched, and ended with it."""

import os
import signal
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

from omnitune import supervisor, swift_process
from omnitune.errors import ExitCode, PipelineError
from omnitune.rollout_args import HOST
from omnitune.serving import LISTENS, check_port

if TYPE_CHECKING:
    import psutil

# A 30B model is read from disk and warmed up in minutes; on a network disk in more.
START_SECONDS = 1800
WATCH_SECONDS = 2
_POLL_SECONDS = 0.5
_STOP_SECONDS = supervisor.GRACE_SECONDS + 10
_COMMAND = Path(__file__).parents[1] / "rollout.py"


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
        return ["--vllm_server_host", HOST, "--vllm_server_port", str(self.port),
                "--vllm_server_group_port", str(self.port + 1)]  # fmt: skip


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
        _check_port(one)
    log.unlink(missing_ok=True)
    try:
        supervisor.run(
            swift_process.command(python, "rollout", {**arguments, "port": port}, processes=1),
            env=supervisor.environment(swift_process.environment(python, arguments, cache, devices)),
            log=log,
        )
    except supervisor.Stopped:
        return
    raise PipelineError("the rollout server ended by itself", where=str(log), code=ExitCode.TRAINER)


def _check_port(port: int) -> None:
    try:
        check_port(HOST, port)
    except PipelineError as error:
        fix = "End what uses it, or choose another: grpo.server.port, which takes the next one too."
        raise PipelineError(error.what, where=error.where, fix=fix, code=error.code) from None


@dataclass
class Running:
    """A server that answers, in a process of ours that ends it when we are gone."""

    server: Server
    process: "subprocess.Popen[bytes]"
    workers: "list[psutil.Process]" = field(default_factory=list)

    def check(self) -> None:
        """Look whether it still works.

        Raises:
            PipelineError: it has ended, or a process of it that holds a copy of the model: ms-swift would go on
                waiting for its answer.
        """
        gone = self.process.poll() is not None or any(not _lives(worker) for worker in self.workers)
        if gone:
            raise PipelineError(
                "the rollout server has ended, so the training was ended too",
                where=str(self.server.log),
                fix="Its output is in that file. The same command goes on from the last checkpoint.",
                code=ExitCode.TRAINER,
            )

    def watching(self, progress: Callable[[], str | None], every: float = 30) -> Callable[[], str | None]:
        """A `progress` that is called every WATCH_SECONDS and looks after the server each time."""
        told, line = 0.0, None

        def look() -> str | None:
            nonlocal told, line
            self.check()
            if time.monotonic() - told >= every:
                told, line = time.monotonic(), progress()
            return line

        return look


@contextmanager
def running(server: Server | None, *, python: str, devices: str, cache: Path) -> Iterator[Running | None]:
    """Start a server, wait until it answers, and end it with all its processes after the block; None needs none.

    Raises:
        PipelineError: it did not start; or the block failed because it had ended.
    """
    if server is None:
        yield None
        return
    print(f"Starting the rollout server at {HOST}:{server.port}; its output is in {server.log}.", flush=True)
    argv = [
        sys.executable, str(_COMMAND), "--args", str(server.arguments), "--python", python, "--devices", devices,
        "--port", str(server.port), "--cache", str(cache), "--log", str(server.log),
    ]  # fmt: skip
    # A group of its own: the terminal's Ctrl-C is ours to act on. It watches for our end itself.
    started = Running(
        server,
        subprocess.Popen(
            argv, env={**os.environ, supervisor.LAUNCHER: str(os.getpid())}, start_new_session=True,
            stdin=subprocess.DEVNULL,
        ),
    )  # fmt: skip
    try:
        _until_ready(started)
        try:
            yield started
        except supervisor.Stopped:
            raise
        except PipelineError:
            started.check()  # what the training says of a server that is gone explains nothing
            raise
    finally:
        _end(started.process)


def _until_ready(started: Running) -> None:
    server, begun = started.server, time.monotonic()
    with supervisor.signals() as received:
        while not _answers(server):
            if started.process.poll() is not None:
                raise PipelineError(
                    "the rollout server did not start; why stands above",
                    where=str(server.log),
                    fix="Mend that, then run the same command again.",
                    code=_code(started.process.returncode),
                )
            if received:
                raise supervisor.Stopped(
                    f"Stopped by {signal.Signals(received[0]).name}",
                    fix="The same command goes on from the last checkpoint.",
                    code=ExitCode.INTERRUPTED,
                )
            if time.monotonic() - begun > START_SECONDS:
                raise PipelineError(
                    f"the rollout server did not answer within {START_SECONDS // 60} minutes",
                    where=str(server.log),
                    fix="Look at that file; a smaller model or a faster disk starts sooner.",
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
        raise PipelineError(
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


def _workers(launcher: int) -> "list[psutil.Process]":
    """The processes that hold the model: children of ms-swift's own, but for the helper that Python starts."""
    import psutil

    swifts = psutil.Process(launcher).children()
    started = [child for one in swifts for child in one.children()]
    return [child for child in started if not _is_helper(child.cmdline())]


def _is_helper(argv: Sequence[str]) -> bool:
    return any("resource_tracker" in part for part in argv)


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
