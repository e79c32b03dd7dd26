"""NaN and infinity in a real training: found in their step, tried once more, never saved and never published."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from demo_run import Demo
from full import full
from tally import Count

from omnitune import checkpoints, weights

# In step 3 of the last rank, at the place that OMNITUNE_POISON names: "twice" is an infinite gradient, and in a
# resumed start a weight that is NaN.
POISON = """
import json
import os
from swift.callbacks import TrainerCallback, callbacks_map

class Poison(TrainerCallback):
    def on_step_begin(self, args, state, control, model=None, **kwargs):
        if state.global_step == 2 and args.process_index == args.world_size - 1:
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
            self.right, self.value = self.trainer.compute_loss, value
            self.trainer.compute_loss = self.wrong

    def wrong(self, model, inputs, *words, **named):
        told = self.trainer.template.tokenizer
        answers = [told.decode([token for token in row if token >= 0], skip_special_tokens=True)
                   for row in inputs["labels"].tolist()]
        with open("answers.json", "w") as file:
            json.dump(answers, file)
        return self.right(model, inputs, *words, **named) * self.value

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


def poisoned(
    demo: Demo, swift_python: Path, poison: str, *more: str, **changed: object
) -> "subprocess.CompletedProcess[str]":
    """Train on the demo's rows, some arguments changed; what holds however it ends."""
    demo.path("poison.py").write_text(POISON)
    shutil.rmtree(demo.path("poisoned"), ignore_errors=True)
    arguments = demo.json("results/demo/main/sft/args.json")
    del arguments["val_dataset"]
    arguments["external_plugins"].append("poison.py")
    arguments |= {"callbacks": ["poison", "omnitune"], "output_dir": "poisoned/checkpoints", "eval_strategy": "no"}
    arguments |= {"num_train_epochs": 0.1, "save_steps": 2, "logging_steps": 1, **changed}
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


def test_the_rows_of_its_step_are_named(demo: Demo, swift_python: Path) -> None:
    """The answers that the loss was made of are those of the rows that are named."""
    told = poisoned(demo, swift_python, "loss nan").stderr
    log = demo.path("logs/poisoned.swift.log").read_text()
    ids = log.partition("Rows of step 3 in process 0: ")[2].partition("\n")[0].split()
    assert (
        f"the loss at step 3 is nan; process 0 read {', '.join(ids[:5])} and 11 more, which the log names" in told
    )
    rows = {row["id"]: row["messages"][-1]["content"] for row in demo.rows("results/demo/split/train.jsonl")}
    assert [rows[name] for name in ids] == [answer.strip() for answer in demo.json("answers.json")]


@pytest.mark.parametrize("poison", full(["saved nan"], [poison for poison in TOLD if poison != "loss nan"]))
def test_it_is_found_wherever_it_is(demo: Demo, swift_python: Path, poison: str, count: Count) -> None:
    assert TOLD[poison] in poisoned(demo, swift_python, poison).stderr
    count("losses, gradients and weights not finite found out")


@pytest.mark.parametrize("poison", ["gradient inf", *full([], ["loss nan", "gradient nan", "weight inf"])])
def test_it_is_found_where_ranks_share_the_work(demo: Demo, swift_python: Path, poison: str, count: Count) -> None:
    """One rank has it, and none goes on without it."""
    shared = {"deepspeed": "zero2", "ddp_backend": "gloo", "per_device_train_batch_size": 8}
    done = poisoned(demo, swift_python, poison, "--processes", "2", **shared)
    told = "the gradient norm at step 3 is " if poison.startswith("gradient") else TOLD[poison]
    assert told in done.stderr
    count("losses, gradients and weights not finite found out")
