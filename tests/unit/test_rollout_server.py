"""The server that samples for GRPO, with a fake ms-swift: started, watched, ended, and never left behind."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from data_commands import SCRIPTS
from ports import free_ports
from weight_files import write_safetensors

from omnitune import rollout_server
from omnitune.errors import PipelineError
from omnitune.rollout_server import Server

FAKES = Path(__file__).parents[1] / "fakes"
MODULE = "thinker.model.layers.0.self_attn.q_proj"


@pytest.fixture
def python(tmp_path: Path) -> str:
    """An environment for which ms-swift is the fake; it has no torch, so that torch's launcher is left out."""
    path = tmp_path / "env/bin/python"
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\nexport PYTHONPATH="{FAKES}"\nexec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.chdir(tmp_path)
    Path("rollout.json").write_text(json.dumps({"host": "127.0.0.1", "ENV": {"FPS_MAX_FRAMES": "12"}}))
    return Server(Path("rollout.json"), free_ports(), 0, Path("logs/x.rollout.swift.log"))


@pytest.fixture
def family() -> Callable[[], list[psutil.Process]]:
    """All that this test has started and that lives."""
    before = psutil.Process().children(recursive=True)  # what other tests keep for each other
    return lambda: [one for one in psutil.Process().children(recursive=True) if lives(one) and one not in before]


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(true: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def test_it_answers_within_the_block_and_is_gone_after_it(server: Server, python: str, family):
    with rollout_server.running(server, python=python, devices="", cache=Path("cache")) as check:
        check()
        assert f"on http://127.0.0.1:{server.port}" in server.log.read_text()
        started = family()
        # Our command, its guardian, ms-swift, its worker, the worker's engine, and a process of the fake's.
        assert len(started) == 6
    assert not any(map(lives, started))
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("", server.port))


def test_what_an_earlier_server_told_is_not_taken_for_this_ones(server: Server, python: str):
    server.log.parent.mkdir()
    server.log.write_text("INFO:     Uvicorn running on http://127.0.0.1:8100 (Press CTRL+C to quit)\n")
    with rollout_server.running(server, python=python, devices="", cache=Path("cache")) as check:
        check()


def test_a_training_without_one_starts_nothing(family):
    with rollout_server.running(None, python="/none", devices="", cache=Path("cache")) as check:
        check()
        assert not family()


def refused(server: Server, python: str) -> PipelineError:
    with pytest.raises(PipelineError) as told:
        use(server, python)
    return told.value


def use(server: Server, python: str) -> None:
    with rollout_server.running(server, python=python, devices="", cache=Path("cache")):
        time.sleep(2)  # it may have answered once before it ended
        raise PipelineError("the training met an answer that was cut off")


@pytest.mark.parametrize("shift", [0, 1])
def test_a_taken_port_is_refused_before_anything_is_loaded(server: Server, python: str, capfd, shift: int):
    port = server.port + shift
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert refused(server, python).code == 75
    assert not server.log.exists()
    assert capfd.readouterr().err == (
        f"error: 127.0.0.1:{port}: the server cannot listen here (Address already in use). "
        "End what uses it, or choose another: grpo.server.port, which takes the next one too.\n"
    )


def test_a_port_that_a_server_has_left_is_waited_for(server: Server, python: str):
    """As after a training that ran out of memory and is tried again at once."""
    with socket.socket() as before:
        before.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        before.bind(("127.0.0.1", server.port))
        # Bound, and nobody listens: as the kernel's TIME_WAIT; for longer than the command takes to ask for it.
        threading.Timer(5, before.close).start()
        with rollout_server.running(server, python=python, devices="", cache=Path("cache")) as check:
            check()


def test_the_locks_of_its_gpus_are_held_as_long_as_it_lives(server: Server, python: str, tmp_path: Path):
    lock = os.open(tmp_path / "gpu-0", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with rollout_server.running(server, python=python, devices="", cache=Path("cache"), keep_open=[lock]):
        os.close(lock)  # as by our own death
        with (tmp_path / "gpu-0").open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "gpu-0").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize(
    ("fault", "code", "sentence"),
    [
        ("moved", 75, "was taken while ms-swift started, and it chose"),
        ("fail", 80, "the rollout server did not start; why stands above"),
        ("end", 80, "the rollout server did not start; why stands above"),
    ],
)
def test_a_server_that_does_not_come_up_is_one_sentence(
    server: Server, python: str, monkeypatch, family, fault: str, code: int, sentence: str
):
    monkeypatch.setenv("OMNITUNE_FAKE", fault)
    told = refused(server, python)
    assert told.code == code
    assert sentence in str(told)
    assert not family()


def test_a_server_may_take_as_long_as_a_first_step(server: Server, tmp_path: Path, family, monkeypatch):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setattr(rollout_server, "START_SECONDS", 0.6)
    for first_step, limit, told in ((3, 3, "0.05"), (0.1, 0.6, "0.01")):
        begun = time.monotonic()
        with (
            pytest.raises(PipelineError) as error,
            rollout_server.running(
                server, python=str(slow), devices="", cache=Path("cache"), first_step=first_step
            ),
        ):
            pass
        assert time.monotonic() - begun > limit
        assert (error.value.code, str(error.value)) == (
            79,
            f"logs/x.rollout.swift.log: the rollout server did not answer within {told} minutes. "
            "Look at that file; if it only takes longer, raise resources.first_step_minutes.",
        )
    assert not family()


def test_a_training_that_fails_by_itself_says_so(server: Server, python: str, family):
    assert str(refused(server, python)) == "the training met an answer that was cut off."
    assert not family()


def train(place: Path, server: Server, python: str, fault: str) -> "subprocess.Popen[str]":
    """train.py of a GRPO that this server samples for."""
    write_safetensors(place / "base/model.safetensors", {f"{MODULE}.weight": ("F32", [2, 3], bytes(24))})
    (place / "train.jsonl").write_text("{}\n" * 8)
    arguments = {
        "model": "base", "output_dir": "ckpt", "tuner_type": "lora", "dataset": ["train.jsonl"],
        "target_modules": [MODULE], "lora_rank": 2, "lora_alpha": 4, "learning_rate": 0.001, "num_train_epochs": 1,
        "save_steps": 2, "save_total_limit": 3, "seed": 1, "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 1, "rlhf_type": "grpo", "ENV": {},
    }  # fmt: skip
    (place / "args.json").write_text(json.dumps(arguments))
    argv = [
        sys.executable, SCRIPTS / "train.py", "--stage", "grpo", "--args", "args.json", "--output", "model",
        "--log", "logs/train_grpo.swift.log", "--python", python, "--server", server.arguments,
        "--server-port", str(server.port),
    ]  # fmt: skip
    environment = {**os.environ, "OMNITUNE_FAKE": fault}
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_training_is_told_where_its_server_is_and_the_server_ends_with_it(
    server: Server, python: str, tmp_path: Path, family
):
    done = train(tmp_path, server, python, "")
    output, errors = done.communicate(timeout=60)
    assert (done.returncode, errors) == (0, "")
    assert output.startswith(f"Starting the rollout server at 127.0.0.1:{server.port}; its output is in logs/")
    argv = json.loads((tmp_path / "ckpt/argv.json").read_bytes())
    told = {name: argv[argv.index(f"--vllm_server_{name}") + 1] for name in ("host", "port", "group_port")}
    assert told == {"host": "127.0.0.1", "port": str(server.port), "group_port": str(server.port + 1)}
    assert not family()


@pytest.mark.parametrize("lost", ["worker", "engine"])
def test_a_server_that_dies_ends_the_training_soon_with_a_sentence(
    server: Server, python: str, tmp_path: Path, family, lost: str
):
    # The trainer would wait for ever: ms-swift's server goes on answering that it is well when these are gone.
    done = train(tmp_path, server, python, f"{lost}@ckpt/argv.json")
    _, errors = done.communicate(timeout=60)
    assert (done.returncode, errors) == (
        80,
        "error: logs/train_grpo.rollout.swift.log: the rollout server has ended, so the training was ended too. "
        "Its output is in that file. The same command goes on from the last checkpoint.\n",
    )
    assert not family()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 85)])
def test_whoever_ends_the_training_ends_the_server(
    server: Server, python: str, tmp_path: Path, family, number: signal.Signals, code: int
):
    training = train(tmp_path, server, python, "stall")
    assert until(lambda: (tmp_path / "ckpt/argv.json").exists())
    started = family()
    training.send_signal(number)
    training.communicate(timeout=60)
    assert training.returncode == code
    assert until(lambda: not any(map(lives, started)))


def test_the_end_of_snakemake_ends_training_and_server_together(
    server: Server, python: str, tmp_path: Path, family, monkeypatch
):
    snakemake = subprocess.Popen(["sleep", "600"])
    monkeypatch.setenv("OMNITUNE_LAUNCHER_PID", str(snakemake.pid))
    # A trainer that does not hear SIGTERM takes the 2.5 s that it is given; the server does not begin after them.
    training = train(tmp_path, server, python, "deaf")
    assert until(lambda: (tmp_path / "ckpt/argv.json").exists())
    started = family()
    snakemake.kill()
    snakemake.wait()
    assert until(lambda: not any(map(lives, started)), seconds=5)
    training.communicate(timeout=60)
    assert training.returncode == 85
