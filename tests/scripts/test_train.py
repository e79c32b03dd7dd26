"""train.py and infer.py with a fake ms-swift: exit code, message and verdict."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from children import wait_for
from data_commands import SCRIPTS
from weight_files import write_safetensors

from omnitune.records import Message, Record, encode

FAKES = Path(__file__).parents[1] / "fakes"
MODULE = "thinker.model.layers.0.self_attn.q_proj"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with arguments, rows and an interpreter for which ms-swift is the fake."""
    write_safetensors(tmp_path / "base/model.safetensors", {f"{MODULE}.weight": ("F32", [2, 3], bytes(24))})
    (tmp_path / "train.jsonl").write_text("{}\n" * 8)
    (tmp_path / "data.json").write_text("{}")
    arguments = {
        "model": "base", "output_dir": "ckpt", "tuner_type": "lora", "dataset": ["train.jsonl"],
        "target_modules": [MODULE], "lora_rank": 2, "lora_alpha": 4, "learning_rate": 0.001, "num_train_epochs": 1,
        "save_steps": 2, "save_total_limit": 3, "seed": 1, "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 1, "ENV": {},
    }  # fmt: skip
    (tmp_path / "args.json").write_text(json.dumps(arguments))
    infer = {"model": "merge", "val_dataset": ["test.jsonl"], "result_path": "raw/r.jsonl", "ENV": {}}
    (tmp_path / "infer.json").write_text(json.dumps(infer))
    turns = [Message("user", "1 + 1 ="), Message("assistant", "2")]
    (tmp_path / "test.jsonl").write_bytes(encode(Record("s/1", "s", 1, "sums", turns)))
    python = tmp_path / "env/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexport PYTHONPATH="{FAKES}"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return tmp_path


def run(place: Path, script: str, *argv: str, fault: str = "") -> subprocess.CompletedProcess[str]:
    line = [
        sys.executable,
        SCRIPTS / f"{script}.py",
        *argv,
        "--log",
        "logs/x.swift.log",
        "--python",
        "env/bin/python",
    ]
    environment = {**os.environ, "OMNITUNE_FAKE": fault}
    return subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True, check=False)


def train(place: Path, *more: str, fault: str = "") -> subprocess.CompletedProcess[str]:
    argv = ["--stage", "sft", "--args", "args.json", "--input", "data.json", "--output", "sft/model", *more]
    return run(place, "train", *argv, fault=fault)


def verdict(place: Path) -> dict | None:
    path = place / "logs/x.swift.verdict.json"
    return json.loads(path.read_bytes()) if path.exists() else None


def test_a_failure_then_a_model_then_nothing_to_do(place: Path):
    done = train(place, fault="die@3")
    assert done.returncode == 137
    assert done.stderr == (
        "error: logs/x.swift.log: ms-swift was killed, by hand or because the machine's memory was used up. "
        "Look at the kernel's log for the second; the same command goes on from the last checkpoint.\n"
    )
    told = verdict(place)
    assert told is not None
    assert told["code"] == 137
    assert not (place / "sft/model").exists()

    done = train(place)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Resuming from step 2 of 4.\n")
    assert done.stdout.endswith("sft/model: 4 steps, mean loss 1.041667.\n")
    assert verdict(place) is None

    done = train(place)
    assert done.stdout == "sft/model is finished and made from the same inputs: nothing to train.\n"


def test_a_smaller_grant_of_gpus_is_refused_before_anything_starts(place: Path):
    done = train(place, "--gpus", "4", "--granted", "2")
    assert (done.returncode, done.stderr) == (
        78,
        "error: The job wants 4 GPUs and was granted 2. "
        "Start snakemake with --resources gpu=4 or more, or lower the stage's gpus.\n",
    )
    assert not (place / "ckpt").exists()
    assert verdict(place) == {
        "code": 78,
        "what": "The job wants 4 GPUs and was granted 2",
        "where": "",
        "fix": "Start snakemake with --resources gpu=4 or more, or lower the stage's gpus.",
        "hopeless": True,
        "job": "",
        "key": "",
    }


def test_an_interpreter_that_has_gone_is_named(place: Path):
    (place / "env/bin/python").unlink()
    done = train(place)
    assert (done.returncode, done.stderr) == (74, "error: env/bin/python: No such file or directory.\n")
    told = verdict(place)
    assert told is not None
    assert (told["code"], told["where"]) == (74, "env/bin/python")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_is_asked_to_end_before_ms_swift_runs_says_so(place: Path, number: signal.Signals):
    """It waits for what an earlier start has left running."""
    argv = [sys.executable, SCRIPTS / "train.py", "--stage", "sft", "--args", "args.json", "--input", "data.json"]
    argv += ["--output", "sft/model", "--log", "logs/x.swift.log", "--python", "env/bin/python"]
    with (
        (place / ".ckpt.lock").open("w") as lock,
        subprocess.Popen(argv, cwd=place, stderr=subprocess.PIPE, text=True) as process,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        wait_for((place / "logs/x.swift.running.json").exists)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    words = {"what": f"Stopped by {number.name}", "where": "", "fix": ""}
    words["fix"] = "Run the same command again: it goes on from what is whole."
    assert (process.returncode, told) == (85, f"error: {words['what']}. {words['fix']}\n")
    assert verdict(place) == words | {"code": 85, "hopeless": True, "job": "", "key": ""}
    assert not list(place.rglob("*.running.json"))


def test_a_manifest_that_has_gone_is_named(place: Path):
    (place / "data.json").unlink()
    done = train(place)
    assert (done.returncode, done.stderr) == (74, "error: data.json: No such file or directory.\n")


def infer(place: Path, fault: str = "") -> subprocess.CompletedProcess[str]:
    argv = [
        "--args",
        "infer.json",
        "--input",
        "data.json",
        "--test",
        "test.jsonl",
        "--output",
        "infer/merge.jsonl",
    ]
    return run(place, "infer", *argv, fault=fault)


def test_answers_are_published_with_their_ids(place: Path):
    done = infer(place)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("infer/merge.jsonl: 1 answers.\n")  # a line of progress may stand before it
    (line,) = (place / "infer/merge.jsonl").read_bytes().splitlines()
    assert json.loads(line) == {
        "id": "s/1", "source": "s", "task": "sums", "modality": "text", "prediction": "2", "reference": "2",
    }  # fmt: skip


def test_a_lost_answer_is_a_failure_with_a_verdict(place: Path):
    done = infer(place, fault="short")
    assert (done.returncode, done.stderr) == (
        80,
        "error: raw/r.jsonl: 0 answers for 1 rows. Nothing was published: look at the log, then run again.\n",
    )
    assert not (place / "infer/merge.jsonl").exists()
    told = verdict(place)
    assert told is not None
    assert told["code"] == 80
