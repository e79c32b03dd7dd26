"""A real training that becomes worse: what is published is its best checkpoint, not its last."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from demo_run import Demo

from omnitune import checkpoints

# After step 3 the adapter is far off; its losses are finite, and it is trained on.
SPOILT = """
from swift.callbacks import TrainerCallback, callbacks_map

class Spoilt(TrainerCallback):
    def on_step_begin(self, args, state, control, model=None, **kwargs):
        if state.global_step == 3:
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    weight.data += 1.0

callbacks_map["spoilt"] = Spoilt
"""


def test_the_best_checkpoint_is_published_though_it_is_not_the_last(demo: Demo, swift_python: Path) -> None:
    arguments = demo.json("results/demo/main/sft/args.json")
    arguments["external_plugins"].append("spoilt.py")
    arguments |= {"callbacks": ["spoilt", "omnitune"], "output_dir": "spoilt/checkpoints", "learning_rate": 1e-3}
    arguments |= {"max_steps": 6, "save_steps": 3, "eval_steps": 3, "save_total_limit": 1}
    demo.path("spoilt.py").write_text(SPOILT)
    demo.path("spoilt.json").write_text(json.dumps(arguments))
    argv = [sys.executable, "workflow/scripts/train.py", "--stage", "sft", "--args", "spoilt.json"]
    argv += ["--output", "spoilt/model", "--log", "logs/spoilt.swift.log", "--python", str(swift_python)]
    done = subprocess.run(
        [*argv, "--publish", "best"], cwd=demo.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr

    log = demo.rows("spoilt/model/training_log.jsonl")
    evaluated = {
        int(row["global_step/max_steps"].partition("/")[0]): row["eval_loss"] for row in log if "eval_loss" in row
    }
    assert evaluated[3] < evaluated[6]
    manifest = demo.json("spoilt/model/manifest.json")
    assert (manifest["global_step"], manifest["max_steps"]) == (3, 6)
    assert manifest["eval_loss"] == pytest.approx(evaluated[3], abs=1e-6)
    kept = checkpoints.sealed(demo.path("spoilt/checkpoints"))
    assert [folder.name for folder in kept] == ["checkpoint-3", "checkpoint-6"]
    name = "adapter_model.safetensors"
    best, last = ((folder / name).read_bytes() for folder in kept)
    assert demo.path(f"spoilt/model/{name}").read_bytes() == best != last
