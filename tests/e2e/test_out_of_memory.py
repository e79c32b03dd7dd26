"""A real training that runs out of GPU memory once goes on with smaller passes over the same rows of each step."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from demo_run import Demo
from interrupting import losses
from tally import Count

# Notes the rows of each pass, and in step 3 of a start from nothing fails as torch does.
SHORT_OF_MEMORY = """
import json
import os
import torch
from swift.callbacks import TrainerCallback, callbacks_map

class ShortOfMemory(TrainerCallback):
    def on_train_begin(self, args, state, control, **kwargs):
        right = self.trainer.compute_loss

        def noted(model, inputs, *words, **named):
            if not model.training:
                return right(model, inputs, *words, **named)
            step = state.global_step + 1
            if os.environ["OMNITUNE_SHORT"] == "yes" and step == 3 and not args.resume_from_checkpoint:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            rows = [row[mask.bool()].tolist() for row, mask in zip(inputs["input_ids"], inputs["attention_mask"])]
            with open(os.path.join(args.output_dir, "passes.jsonl"), "a") as file:
                file.write(json.dumps({"step": step, "rows": rows}) + "\\n")
            return right(model, inputs, *words, **named)

        self.trainer.compute_loss = noted

callbacks_map["short_of_memory"] = ShortOfMemory
"""


def trained(demo: Demo, python: Path, name: str, *, short: bool) -> str:
    """Train six steps on the demo's rows; what train.py says."""
    arguments = demo.json("results/demo/main/sft/args.json")
    del arguments["val_dataset"]
    arguments["external_plugins"].append("short_of_memory.py")
    arguments |= {"callbacks": ["short_of_memory", "omnitune"], "output_dir": f"{name}/checkpoints"}
    arguments |= {"eval_strategy": "no", "max_steps": 6, "save_steps": 2, "logging_steps": 1}
    arguments |= {"lora_dropout": 0}
    demo.path("short_of_memory.py").write_text(SHORT_OF_MEMORY)
    demo.path(f"{name}.json").write_text(json.dumps(arguments))
    argv = [sys.executable, "workflow/scripts/train.py", "--stage", "sft", "--args", f"{name}.json"]
    argv += ["--output", f"{name}/model", "--log", f"logs/{name}.swift.log", "--python", str(python)]
    environment = {**os.environ, "OMNITUNE_SHORT": "yes" if short else "no"}
    done = subprocess.run(
        [*argv, "--on-oom", "shrink"],
        cwd=demo.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows_by_step(passes: list[dict[str, Any]]) -> dict[int, list[list[int]]]:
    """Step -> its rows, of all its passes, sorted."""
    steps: dict[int, list[list[int]]] = {}
    for one in passes:
        steps.setdefault(one["step"], []).extend(one["rows"])
    return {step: sorted(rows) for step, rows in steps.items()}


def test_a_training_short_of_memory_ends_as_one_that_never_was(
    demo: Demo, swift_python: Path, count: Count
) -> None:
    trained(demo, swift_python, "roomy", short=False)
    told = trained(demo, swift_python, "short", short=True)
    assert "Trying again: out of GPU memory: per_device_train_batch_size 16 -> 8, " in told
    assert "Resuming from step 2 of " in told
    roomy, short = (demo.json(f"{name}/model/manifest.json") for name in ("roomy", "short"))
    assert len(short["remedies"]) == 1
    assert (short["global_step"], short["max_steps"]) == (roomy["global_step"], roomy["max_steps"])
    ran = demo.json(f"short/checkpoints/checkpoint-{short['max_steps']}/args.json")
    assert (ran["per_device_train_batch_size"], ran["gradient_accumulation_steps"]) == (8, 2)

    passes = {name: demo.rows(f"{name}/checkpoints/passes.jsonl") for name in ("roomy", "short")}
    assert {len(one["rows"]) for one in passes["roomy"]} == {16}
    assert {len(one["rows"]) for one in passes["short"] if one["step"] > 2} == {8}
    assert rows_by_step(passes["short"]) == rows_by_step(passes["roomy"])
    assert losses(demo, "short/model") == pytest.approx(losses(demo, "roomy/model"), abs=1e-5)
    count("real trainings got past a full memory")
