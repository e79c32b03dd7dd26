"""NaN and infinity in a real training: found in their step, tried once more, never saved and never published."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Demo
from full import full
from tally import Count

from omnitune import checkpoints, weights

# In step 3, at the place that OMNITUNE_POISON names: "twice" is an infinite gradient, and in a resumed start
# a weight that is NaN.
POISON = """
import os
from swift.callbacks import TrainerCallback, callbacks_map

class Poison(TrainerCallback):
    def on_step_begin(self, args, state, control, model=None, **kwargs):
        if state.global_step == 2:
            self.spoil(os.environ["OMNITUNE_POISON"], args, model)

    def on_step_end(self, args, state, control, model=None, **kwargs):
        if state.global_step == 4 and os.environ["OMNITUNE_POISON"] == "saved nan":
            self.weight(model).data.view(-1)[0] = float("nan")

    def weight(self, model):
        return next(weight for name, weight in model.named_parameters() if "lora_B" in name)

    def spoil(self, poison, args, model):
        if poison == "twice":
            poison = "weight nan" if args.resume_from_checkpoint else "gradient inf"
        place, value = poison.split()
        value = float(value)
        if place == "weight":
            self.weight(model).data.view(-1)[0] = value
        if place == "gradient":
            self.weight(model).register_hook(lambda gradient: gradient + value)
        if place == "loss":
            right = self.trainer.compute_loss
            self.trainer.compute_loss = lambda *words, **named: right(*words, **named) * value

callbacks_map["poison"] = Poison
"""
# What is told of each; the weights are looked at when they are to be saved, in step 4.
TOLD = {
    "loss nan": "the loss at step 3 is nan",
    "loss inf": "the loss at step 3 is inf",
    "gradient nan": "the gradient norm at step 3 is nan",
    "gradient inf": "the gradient norm at step 3 is ",
    "weight inf": "the loss at step 3 is nan",
    "saved nan": "holds NaN or infinity",
}


def poisoned(demo: Demo, swift_python: Path, poison: str, *more: str) -> "subprocess.CompletedProcess[str]":
    """Train on the demo's rows; what holds however it ends."""
    demo.path("poison.py").write_text(POISON)
    shutil.rmtree(demo.path("poisoned"), ignore_errors=True)
    arguments = demo.json("results/demo/main/sft/args.json")
    del arguments["val_dataset"]
    arguments["external_plugins"].append("poison.py")
    arguments |= {"callbacks": ["poison", "omnitune"], "output_dir": "poisoned/checkpoints", "eval_strategy": "no"}
    arguments |= {"num_train_epochs": 0.1, "save_steps": 2, "logging_steps": 1}
    demo.path("poisoned.json").write_text(json.dumps(arguments))
    argv = [sys.executable, "workflow/scripts/train.py", "--stage", "sft", "--args", "poisoned.json"]
    argv += ["--output", "poisoned/model", "--log", "logs/poisoned.swift.log", "--python", str(swift_python)]
    environment = {**os.environ, "OMNITUNE_POISON": poison}
    done = subprocess.run(
        [*argv, *more], cwd=demo.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 77, done.stderr
    assert demo.json("logs/poisoned.swift.verdict.json")["code"] == 77
    assert not demo.path("poisoned/model").exists()
    (kept,) = checkpoints.sealed(demo.path("poisoned/checkpoints"))
    assert kept.name == "checkpoint-2"
    assert weights.first_not_finite(kept / "adapter_model.safetensors") is None
    return done


def test_a_poisoned_training_ends_in_its_step_and_is_not_published(
    demo: Demo, swift_python: Path, count: Count
) -> None:
    done = poisoned(demo, swift_python, "twice", "--on-not-finite", "retry")
    assert "Trying again: omnitune.trainer.finite.NotFiniteError: the gradient norm at step 3 is " in done.stdout
    assert "Resuming from step 2 of " in done.stdout
    assert "NotFiniteError: the loss at step 3 is nan" in done.stderr
    log = [row for row in demo.rows("poisoned/checkpoints/logging.jsonl") if "loss" in row]
    assert {row["global_step/max_steps"].partition("/")[0] for row in log} == {"1", "2"}
    count("losses, gradients and weights not finite found out", 2)


@pytest.mark.parametrize("poison", full(["saved nan"], list(TOLD)))
def test_it_is_found_wherever_it_is(demo: Demo, swift_python: Path, poison: str, count: Count) -> None:
    assert TOLD[poison] in poisoned(demo, swift_python, poison).stderr
    count("losses, gradients and weights not finite found out")
