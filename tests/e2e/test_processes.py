"""Two processes and DeepSpeed on the CPU: stopped, killed, resumed, and what one makes of the same rows."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from demo_run import CONFIG, Demo
from interrupting import ONCE, interrupted, key_of, losses

from omnitune import checkpoints, seals, weights
from omnitune.trainer import heartbeat

RUN = "results/demo"
SHORT = {"epochs": 0.2, "save_steps": 4, "eval_steps": 8, "logging_steps": 1, "lora": {"dropout": 0}}
# Unshuffled by ms-swift (the sampler still shuffles), so that the row that two processes leave out is the last.
SHARED = {"processes": 2, "deepspeed": "zero2", "micro_batch": 8, "swift": {"dataset_shuffle": False}}


def ranks_in(folder: Path) -> list[psutil.Process]:
    """The processes that torch's launcher started below a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):  # those of other tests come and go meanwhile
        if "torch.distributed.run" in (process.info["cmdline"] or []) and process.info["cwd"] == str(folder):
            found += process.children()
    return found


def test_a_stopped_and_killed_training_of_two_ranks_is_in_the_end_that_of_one_process(
    demo: Demo, swift_python: Path
) -> None:
    demo.path("config/shared.yaml").write_text(
        json.dumps(ONCE | {"experiments": {"shared": {"sft": SHORT | SHARED}}})
    )
    target = f"{RUN}/shared/sft/model/manifest.json"
    argv = demo.argv(*CONFIG, "config/shared.yaml", "--", target)

    def stopped_by(number: int, *signs: str) -> int:
        """The code of the training's end."""
        interrupted(demo, argv, work, number, *signs)
        assert ranks_in(demo.folder) == []
        return demo.json("logs/demo/shared/train_sft.swift.verdict.json")["code"]

    work = demo.path(f"{RUN}/shared/sft/checkpoints")
    assert stopped_by(signal.SIGTERM, "checkpoint-4/SEAL.json") == 85
    stopped, put_aside = checkpoints.newest_sound(work, key_of(work))
    assert stopped
    assert put_aside == []
    assert stopped.step > 4, "the ranks agreed on a step to save and stop at"
    seal = seals.read(stopped.folder)
    assert seal.world_size == 2
    parts = (f"global_step{stopped.step}/zero_pp_rank_{rank}_mp_rank_00_optim_states.pt" for rank in range(2))
    assert {*parts, "rng_state_0.pth", "rng_state_1.pth"} <= seal.files.keys()
    assert stopped_by(signal.SIGKILL, "heartbeat/0.json", "heartbeat/1.json") == 137
    assert {beat.rank for beat in heartbeat.read(work)} == {0, 1}

    done = demo.snakemake(*CONFIG, "config/shared.yaml", "--", target)
    assert done.returncode == 0, done.stdout
    log = demo.path("logs/demo/shared/train_sft.log").read_text()
    assert f"Resuming from step {stopped.step} of {stopped.max_steps}." in log
    published = {path.name for path in demo.path(f"{RUN}/shared/sft/model").iterdir()}
    assert published == {path.name for path in demo.path(f"{RUN}/main/sft/model").iterdir()}

    alone(demo, swift_python)
    shared, one = (demo.path(folder) for folder in (f"{RUN}/shared/sft/model", "alone/model"))
    assert losses(demo, str(shared)) == pytest.approx(losses(demo, str(one)), abs=1e-6)
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
