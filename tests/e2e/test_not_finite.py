"""NaN and infinity in a real training: found in their step, tried once more, never saved and never published."""

import json
import subprocess
import sys
from pathlib import Path

from conftest import Demo

from omnitune import checkpoints, weights

# In step 3 the first start meets a gradient that is infinite, a resumed one a weight that is NaN.
POISON = """
from swift.callbacks import TrainerCallback, callbacks_map

class Poison(TrainerCallback):
    def on_step_begin(self, args, state, control, model=None, **kwargs):
        if state.global_step != 2:
            return
        weight = next(weight for name, weight in model.named_parameters() if "lora_B" in name)
        if args.resume_from_checkpoint:
            weight.data.view(-1)[0] = float("nan")
        else:
            weight.register_hook(lambda gradient: gradient * float("inf"))

callbacks_map["poison"] = Poison
"""


def test_a_poisoned_training_ends_in_its_step_and_is_not_published(demo: Demo, swift_python: Path) -> None:
    demo.path("poison.py").write_text(POISON)
    arguments = demo.json("results/demo/main/sft/args.json")
    del arguments["val_dataset"]
    arguments["external_plugins"].append("poison.py")
    arguments |= {"callbacks": ["poison", "omnitune"], "output_dir": "poisoned/checkpoints", "eval_strategy": "no"}
    arguments |= {"num_train_epochs": 0.1, "save_steps": 2, "logging_steps": 1}
    demo.path("poisoned.json").write_text(json.dumps(arguments))
    argv = [sys.executable, "workflow/scripts/train.py", "--stage", "sft", "--args", "poisoned.json"]
    argv += ["--output", "poisoned/model", "--log", "logs/poisoned.swift.log", "--python", str(swift_python)]
    argv += ["--on-not-finite", "retry"]
    done = subprocess.run(argv, cwd=demo.folder, capture_output=True, text=True, check=False)

    assert done.returncode == 77, done.stderr
    assert "Trying again: omnitune.trainer.finite.NotFiniteError: the gradient norm at step 3 is " in done.stdout
    assert "Resuming from step 2 of " in done.stdout
    assert "NotFiniteError: the loss at step 3 is nan" in done.stderr
    assert demo.json("logs/poisoned.swift.verdict.json")["code"] == 77
    assert not demo.path("poisoned/model").exists()
    (kept,) = checkpoints.sealed(demo.path("poisoned/checkpoints"))
    assert kept.name == "checkpoint-2"
    assert weights.first_not_finite(kept / "adapter_model.safetensors") is None
    log = [row for row in demo.rows("poisoned/checkpoints/logging.jsonl") if "loss" in row]
    assert {row["global_step/max_steps"].partition("/")[0] for row in log} == {"1", "2"}
