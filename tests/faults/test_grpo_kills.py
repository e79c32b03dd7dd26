"""A real GRPO, killed again and again: what it samples, how that is rewarded and what it learns are as without.

And a loss that is not a number, which ends it, and two processes.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import looks
import pytest
from full import FULL, full
from media_files import chat, image, write_jsonl
from project import Project
from strikes import SAVE_STEPS, WAIT_SECONDS, Run, chain, done, files
from tally import Count

from omnitune import checkpoints, completions
from omnitune.trainer import replacements

ROWS = 5  # of each kind: two steps in an epoch, so that any checkpoint is of a later one
EPOCHS = full(4, 12)
BATCH = 16
KINDS = full(("step",), ("save", "step", "loading", "step and damage", "save and damage"))
# Of a random model every completion differs from the next; all four of a prompt have one reward half the time.
REWARD = """
def custom_reward(completions, **kwargs):
    return [float(sum(map(ord, text)) % 7 == 0) for text in completions]
"""
# A file of rewards is loaded where the training is, so it may plant a fault there: in step 3.
POISON = f"""
from swift.rlhf_trainers import GRPOTrainer

right = GRPOTrainer.compute_loss
GRPOTrainer.compute_loss = lambda self, *more, **named: right(self, *more, **named) * (
    float("nan") if self.state.global_step == 2 else 1
)
{REWARD}
"""

# Such a prompt is replaced by another.
FROM_SFT = {
    "sft": {"enabled": True},
    "grpo": {"start_from": "sft", "dataloader_workers": 1, "swift": {"dynamic_sample": True}},
}
ALL_WEIGHTS = {"grpo": {"tuner": "full", "beta": 0.0, "learning_rate": 1e-3}}


@pytest.fixture(scope="module")
def project(
    tiny_model: Path, copy_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """Prompts with and without a picture; equal experiments, with dropout, so that random states matter.

    Two of them start where GRPO does unless it is told otherwise: from sft's adapter, which is the reference too.
    """
    project = copy_project(tmp_path_factory.mktemp("grpo_kills"))
    rows: list[dict[str, Any]] = [chat(f"{number} + 1 =", f"{number + 1}") for number in range(ROWS)]
    for number in range(ROWS):
        image(project.path(f"data/{number}.png"))
        rows.append(chat(f"<image>Which, {number}?", f"{number}", images=[f"{number}.png"]))
    write_jsonl(project.path("data/rows.jsonl"), rows)
    project.path("data/mine.py").write_text(REWARD)
    project.path("data/poison.py").write_text(POISON)
    project.write_config(
        {
            "run": "kills",
            "device": "cpu",
            "model": {"path": str(tiny_model)},
            "media": {"roots": ["data"]},
            "sources": {"rows": {"format": "messages", "path": "data/rows.jsonl", "use": ["sft", "grpo", "eval"]}},
            "split": {"val": 0, "test": 0.2},
            "sft": {
                "enabled": False, "epochs": 0.25, "learning_rate": 1e-3, "max_length": 512, "effective_batch": 8,
                "micro_batch": 4, "lora": {"dropout": 0.1},
            },
            "grpo": {
                "enabled": True, "start_from": "base", "reward_file": "data/mine.py",
                "rewards": {"custom_reward": 1.0}, "lab": {"style": ["custom_reward"]},
                "epochs": EPOCHS, "learning_rate": 4e-3, "max_length": 512, "max_completion_length": 6,
                "num_generations": 4, "effective_batch": BATCH, "micro_batch": 4, "save_steps": SAVE_STEPS,
                "logging_steps": 1, "lora": {"dropout": 0.1},
            },
            "resources": {"stall_minutes": 0.5, "first_step_minutes": WAIT_SECONDS / 60, "retries": 0},
            "experiments": {
                "whole": FROM_SFT,
                "killed": FROM_SFT,
                "whole_full": ALL_WEIGHTS,
                "killed_full": ALL_WEIGHTS,
                "poisoned": {"grpo": {"reward_file": "data/poison.py"}},
                "two": {"grpo": {"processes": 2, "micro_batch": 2}},
            },
        }
    )  # fmt: skip
    return project


def sampled(project: Project, experiment: str) -> list[dict[str, Any]]:
    """Every completion, with its reward."""
    logged = project.path(f"results/kills/{experiment}/grpo/checkpoints") / completions.LOGGED
    return list(completions.samples(logged))


def resumed_in_a_later_epoch(project: Project, experiment: str) -> bool:
    """Whether its last start began where the first epoch was over."""
    log = project.path(f"logs/kills/{experiment}/train_grpo.log").read_text()
    found = re.search(r"Resuming from step (\d+) of (\d+)", log)
    assert found, log
    return int(found[1]) >= int(found[2]) / EPOCHS


def test_killed_whenever_it_ends_as_if_it_was_not(
    project: Project, start: Callable[..., Run], count: Count
) -> None:
    done(start, project, "killed", "sft")
    whole = files(done(start, project, "whole", "grpo"))
    assert chain(start, project, "killed", KINDS, "grpo") == len(KINDS)
    assert resumed_in_a_later_epoch(project, "killed")
    assert sampled(project, "killed") == sampled(project, "whole")
    arguments = project.json("results/kills/killed/grpo/args.json")
    assert arguments["adapters"] == arguments["ref_adapters"] == ["results/kills/killed/sft/model"]
    assert {row["custom_reward"] for row in sampled(project, "whole")} == {0.0, 1.0}
    last = checkpoints.sealed(project.path("results/kills/killed/grpo/checkpoints"))[-1]
    assert json.loads((last / replacements.FILE).read_bytes())["drawn"] >= looks.last_step(last.parent), (
        "replacements in every step"
    )
    assert files(project.path("results/kills/killed/grpo/model")) == whole
    count("kills of real GRPO trainings survived", len(KINDS))


@pytest.mark.skipif(not FULL, reason="make test-full runs it")
def test_all_weights_killed_whenever_end_as_if_they_were_not(
    project: Project, start: Callable[..., Run], count: Count
) -> None:
    whole = files(done(start, project, "whole_full", "grpo"))
    assert chain(start, project, "killed_full", ("step", "save", "step"), "grpo") == 3
    assert resumed_in_a_later_epoch(project, "killed_full")
    assert sampled(project, "killed_full") == sampled(project, "whole_full")
    assert files(project.path("results/kills/killed_full/grpo/model")) == whole
    count("kills of real GRPO trainings survived", 3)


def test_a_loss_that_is_not_a_number_ends_it(project: Project, start: Callable[..., Run], count: Count) -> None:
    run = start(project, "poisoned", "grpo")
    assert run.end() == 1
    verdict = project.json(run.verdict)
    assert (verdict["code"], "the loss at step 3 is nan" in verdict["what"]) == (77, True), verdict
    assert looks.newest_sealed(run.work) == 2
    assert not project.path(run.target).exists()
    count("losses, gradients and weights not finite found out")


def test_two_processes_share_what_is_sampled(project: Project, start: Callable[..., Run]) -> None:
    work = done(start, project, "two", "grpo").parent / "checkpoints"
    steps = Counter(row["step"] for row in sampled(project, "two"))
    assert set(steps.values()) == {BATCH}  # all of a step, though each process made half of them
    assert len(steps) == looks.last_step(work) > 2
    assert json.loads((work / "rollout_check.json").read_bytes())["media_prompts"] > 0
