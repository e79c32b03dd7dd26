"""A training of eight steps with the fake trainer, in the folder that a test is in."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from data_commands import SCRIPTS
from weight_files import write_safetensors

from omnitune import trainable
from omnitune.training import Job

MODULES = [f"thinker.model.layers.0.self_attn.{name}_proj" for name in "qkv"]


def small_job(python: str) -> Job:
    """Write its base and rows; checkpoints are taken at 3, 6 and 8."""
    weights = {f"{module}.weight": ("F32", [2, 3], bytes(24)) for module in MODULES}
    write_safetensors(Path("base/model.safetensors"), weights)
    Path("train.jsonl").write_text("{}\n" * 16)
    Path("data.json").write_text("{}")
    arguments: dict[str, Any] = {
        "model": "base",
        "output_dir": "sft/checkpoints",
        "tuner_type": "lora",
        "dataset": ["train.jsonl"],
        "target_modules": MODULES,
        "lora_rank": 2,
        "lora_alpha": 4,
        "learning_rate": 0.001,
        "num_train_epochs": 1,
        "save_steps": 3,
        "save_total_limit": 3,
        "logging_steps": 1,
        "seed": 42,
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 1,
        "ENV": {"FPS_MAX_FRAMES": "12", trainable.VARIABLE: '{"llm attention": 30}'},
    }
    return Job("sft", arguments, [Path("data.json")], Path("sft/model"), Path("train.swift.log"), python, 0, 1)


def start(job: Job, output: Path, fault: str = "") -> "subprocess.Popen[bytes]":
    """Run train.py as Snakemake does, in a process of its own; `output` takes what it says."""
    Path("args.json").write_text(json.dumps(job.arguments))
    argv = [sys.executable, str(SCRIPTS / "train.py"), "--stage", job.stage, "--args", "args.json"]
    argv += ["--input", "data.json", "--output", str(job.output), "--log", str(job.log), "--python", job.python]
    with output.open("wb") as file:
        return subprocess.Popen(
            argv, env={**os.environ, "OMNITUNE_FAKE": fault}, stdout=file, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
