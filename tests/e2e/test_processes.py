"""Two processes and DeepSpeed on the CPU: killed, resumed, and what one process makes of the same rows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import CONFIG, Demo
from test_resume import wait_for

from omnitune import weights

RUN = "results/demo"
SHORT = {"epochs": 0.1, "save_steps": 4, "eval_steps": 8, "logging_steps": 1, "lora": {"dropout": 0}}
# Unshuffled by ms-swift (the sampler still shuffles), so that the row that two processes leave out is the last.
SHARED = {"processes": 2, "deepspeed": "zero2", "micro_batch": 8, "swift": {"dataset_shuffle": False}}


def ranks_in(folder: Path) -> list[psutil.Process]:
    """The processes that torch's launcher started below a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if "torch.distributed.run" in (process.info["cmdline"] or []) and Path(process.cwd()) == folder:
            found += process.children()
    return found


def test_a_killed_rank_is_told_and_the_resumed_training_is_that_of_one_process(
    demo: Demo, swift_python: Path
) -> None:
    demo.path("config/shared.yaml").write_text(json.dumps({"experiments": {"shared": {"sft": SHORT | SHARED}}}))
    target = f"{RUN}/shared/sft/model/manifest.json"
    argv = demo.argv(*CONFIG, "config/shared.yaml", "--", target)

    first = subprocess.Popen(argv, cwd=demo.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for(demo.path(f"{RUN}/shared/sft/checkpoints/checkpoint-4/trainer_state.json"), first)
    ranks = ranks_in(demo.folder)
    assert len(ranks) == 2
    ranks[1].kill()
    output, _ = first.communicate(timeout=120)
    assert first.returncode == 1
    assert b"ms-swift was killed" in output
    assert demo.json("logs/demo/shared/train_sft.swift.verdict.json")["code"] == 137
    assert ranks_in(demo.folder) == []
    assert demo.path(f"{RUN}/shared/sft/checkpoints/checkpoint-4/latest").exists(), "DeepSpeed was not at work"

    done = demo.snakemake(*CONFIG, "config/shared.yaml", "--", target)
    assert done.returncode == 0, done.stdout
    assert "Resuming from step" in demo.path("logs/demo/shared/train_sft.log").read_text()
    published = {path.name for path in demo.path(f"{RUN}/shared/sft/model").iterdir()}
    assert published == {path.name for path in demo.path(f"{RUN}/main/sft/model").iterdir()}

    alone(demo, swift_python)
    shared, one = (demo.path(folder) for folder in (f"{RUN}/shared/sft/model", "alone/model"))
    assert losses(demo, shared) == pytest.approx(losses(demo, one), abs=1e-6)
    adapters = [weights.header(folder / "adapter_model.safetensors") for folder in (shared, one)]
    assert list(adapters[0]) == list(adapters[1])
    for name in adapters[0]:
        values = [np.frombuffer(weights.content(adapter[name]), np.float32) for adapter in adapters]
        np.testing.assert_allclose(*values, atol=1e-5)


def alone(demo: Demo, python: Path) -> None:
    """Train in one process on the rows that two share: of an odd number they leave out the last."""
    arguments = demo.json(f"{RUN}/shared/sft/args.json")
    rows = demo.path(f"{RUN}/split/train.jsonl").read_bytes().splitlines(keepends=True)
    demo.path("even.jsonl").write_bytes(b"".join(rows[: len(rows) // 2 * 2]))
    del arguments["deepspeed"], arguments["ddp_backend"]
    arguments |= {"dataset": ["even.jsonl"], "output_dir": "alone/checkpoints", "per_device_train_batch_size": 16}
    demo.path("alone.json").write_text(json.dumps(arguments))
    argv = [sys.executable, "workflow/scripts/train.py", "--stage", "sft", "--args", "alone.json"]
    argv += ["--output", "alone/model", "--log", "logs/alone.swift.log", "--python", str(python)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # as Snakemake gives it
    subprocess.run(argv, cwd=demo.folder, env=environment, check=True, capture_output=True)


def losses(demo: Demo, folder: Path) -> list[float]:
    return [row["loss"] for row in demo.rows(f"{folder}/training_log.jsonl") if "loss" in row]
