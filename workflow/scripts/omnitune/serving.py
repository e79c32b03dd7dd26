"""The final model as a server: refuse what cannot work before it is loaded, announce it, end it without a rest."""

import errno
import json
import re
import shlex
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omnitune import deploy_args, environments, gpus, supervisor, swift_process
from omnitune.config.deploy import is_loopback
from omnitune.errors import ExitCode, PipelineError
from omnitune.publish import MANIFEST

LISTENS = re.compile(r"Uvicorn running on https?://\S+:(\d+)")
_OTHER_HOST = "This machine has no such address: correct deploy.host and run `snakemake --cores all deploy`."
_REMEDIES = {
    errno.EADDRINUSE: (
        "End what uses the port (the system keeps it for a minute after that), or choose another: "
        "make serve RUN= PORT=.",
        ExitCode.BUSY,
    ),
    errno.EACCES: (
        "Low ports, below 1024 as a rule, are the system's: choose a higher one: make serve RUN= PORT=.",
        ExitCode.CONFIG,
    ),
}


def read_arguments(path: Path) -> dict[str, Any]:
    """The arguments file of a run whose final model is there.

    Raises:
        PipelineError: with the command that makes what is missing.
    """
    try:
        arguments = json.loads(path.read_bytes())
        model = Path(arguments["model"])
        files = json.loads((model / MANIFEST).read_bytes())["files"]
        whole = all((model / name).stat().st_size == file["bytes"] for name, file in files.items())
    except FileNotFoundError:
        whole = False
    except (ValueError, KeyError, TypeError):
        raise PipelineError(
            "it is damaged", where=str(path), fix="Delete it and run: snakemake --cores all deploy"
        ) from None
    if not whole:
        raise PipelineError(
            "the final model is not there, or not whole",
            where=str(path),
            fix=f"Make it: snakemake --cores all deploy, with the run's --configfile. {_others()}",
        )
    return arguments


def _others() -> str:
    found = [path.parts[1:3] for path in sorted(Path("results").glob("*/*/deploy/args.json"))]
    names = ", ".join(f"RUN={run} EXPERIMENT={experiment}" for run, experiment in found)
    return f"Made already: {names}." if names else ""


def serve(arguments: Mapping[str, Any], folder: Path, logs: Path) -> None:
    """Run the server until it is asked to end.

    Args:
        arguments: the arguments file.
        folder: for the server's caches.
        logs: folder of the log.

    Raises:
        PipelineError: it cannot start, or ended by itself.
    """
    settings = arguments["ENV"]
    device = "cuda" if int(settings[deploy_args.GPUS]) else "cpu"
    name = environments.of_engine(arguments["infer_backend"], device)
    python = str(environments.provide(name, settings.get(deploy_args.ENVIRONMENT)))
    host, port = arguments["host"], arguments["port"]
    if arguments["infer_backend"] == "vllm":
        swift_process.require_vllm(python)
    check_port(host, port)
    log = logs / f"deploy-{port}.swift.log"
    if not is_loopback(host):
        print(f"warning: whoever reaches {host}:{port} may use the model; there is no key.", file=sys.stderr)
    print(f"Loading {arguments['model']}; what ms-swift says is in {log}.", flush=True)
    try:
        with gpus.leased(int(settings[deploy_args.GPUS])) as lease:
            supervisor.run(
                swift_process.command(python, "deploy", arguments, processes=1),
                env=supervisor.environment(
                    swift_process.environment(python, arguments, folder / "cache", lease.devices)
                ),
                log=log,
                keep_open=lease.descriptors,
                progress=lambda: _announcement(arguments, log),
                progress_seconds=0.5,
            )
    except supervisor.Stopped:  # how a server ends
        print("The server has ended.", flush=True)
        return
    raise PipelineError("the server ended by itself", where=str(log), code=ExitCode.TRAINER)


def check_port(host: str, port: int) -> None:
    """Look for a free port as ms-swift does; but it takes the next one without a word.

    Raises:
        PipelineError: nothing can listen there, with what to do about it.
    """
    for address in ("", host):
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(kind, socket.SOCK_STREAM) as attempt:
            try:
                attempt.bind((address, port))
            except OSError as error:
                fix, code = _REMEDIES.get(error.errno or 0, (_OTHER_HOST, ExitCode.CONFIG))
                what = f"the server cannot listen here ({error.strerror})"
                raise PipelineError(what, where=f"{host}:{port}", fix=fix, code=code) from None


def _announcement(arguments: Mapping[str, Any], log: Path) -> str | None:
    """What a person needs to know once the model is loaded; None before."""
    found = LISTENS.search(log.read_text(encoding="utf-8", errors="replace")) if log.exists() else None
    if not found:
        return None
    host, port, name = arguments["host"], arguments["port"], arguments["served_model_name"]
    if int(found[1]) != port:
        raise PipelineError(
            f"port {port} was taken while ms-swift started, and it chose {found[1]}",
            where=f"{host}:{port}",
            fix="Run it again, with another PORT if it stays taken.",
            code=ExitCode.BUSY,
        )
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    url = f"http://{f'[{reached}]' if ':' in reached else reached}:{port}/v1"
    body = json.dumps({"model": name, "messages": [{"role": "user", "content": "Hello!"}]})
    return (
        f"{name} answers at {url}. Ctrl-C ends it. Try:\n\n"
        f"  curl {url}/chat/completions -H 'Content-Type: application/json' -d {shlex.quote(body)}\n"
    )
