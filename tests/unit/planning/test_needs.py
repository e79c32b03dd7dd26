"""What the plan says of the memory, disk and time of the trainings in it."""

import json
from pathlib import Path
from typing import Any

import pytest

from omnitune.config.load import load
from omnitune.planning import Job, as_text, needs

PLAN = [Job("split"), Job("sft", "main", gpus=4), Job("merge", "main")]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jsonl").write_text("{}\n")


def lines(plan: list[Job], **keys: Any) -> list[tuple[str, str]]:
    source = {"a": {"format": "messages", "path": "a.jsonl", "use": ["sft", "grpo", "eval"]}}
    config, experiments = load({"sources": source, **keys})
    return needs(plan, config, {one.name: one for one in experiments}, Path("results/main"))


def test_a_training_in_the_plan_is_reckoned() -> None:
    rows = Path("results/main/split/train.lengths.jsonl")
    rows.parent.mkdir(parents=True)
    rows.write_text("".join(json.dumps({"id": f"a/{n}", "tokens": 6000}) + "\n" for n in range(1000)))
    assert lines(PLAN, recipe="seed") == [
        (
            "sft (main)",
            "68 of 80 GiB on each GPU, with rows of 4096 tokens, in a step (weights 59.1, activations 8.9)",
        ),
        ("", "disk: checkpoints 0.4 GB, the merged model 70 GB"),
        ("", "time: about 0.25 h on H100s, by published rates of this model"),
    ]


def test_grpo_is_reckoned_by_its_prompts() -> None:
    prompts = Path("results/main/split/grpo.jsonl")
    prompts.parent.mkdir(parents=True)
    prompts.write_text("{}\n" * 1000)
    # 1,000 prompts x 4 completions of 2,048 tokens at 5,000 tokens a second on each of four GPUs.
    told = lines([Job("grpo", "main", gpus=4)], grpo={"enabled": True, "rewards": {"format": 1.0}})
    assert told[-1] == (
        "", "time: up to 0.11 h of steps on H100s, with completions of full length; sampling not counted",
    )  # fmt: skip
    full = {"enabled": True, "tuner": "full", "gpus": 16, "deepspeed": "zero3_offload", "effective_batch": 16}
    told = lines([Job("grpo", "main", gpus=16)], grpo=full)
    assert any(said.endswith("the merged model 70 GB, what it starts from 70 GB") for _, said in told)


def test_rows_that_would_not_fit_and_host_memory_are_told() -> None:
    told = dict(lines(PLAN, sft={"micro_batch": 4, "effective_batch": 16, "max_length": 16384}))
    assert told["sft (main)"].startswith("201 of 80 GiB on each GPU, with rows of 16384 tokens, in a step")
    assert "such rows would not fit, shorter ones may. It fits with sft." in told["sft (main)"]
    offloaded = lines(PLAN, sft={"tuner": "full", "gpus": 4, "deepspeed": "zero3_offload"})
    assert ("", "host memory: 400 GiB, and resources.train_mem_gib asks for 128") in offloaded


def test_nothing_is_said_of_what_does_not_train_on_gpus() -> None:
    assert lines([Job("split"), Job("sft", "main")]) == []
    assert lines(PLAN, device="cpu") == []
    assert lines(PLAN, model={"path": "someone/another"}) == []
    assert lines([Job("infer", "main", gpus=4)]) == []


def test_it_stands_in_the_plan() -> None:
    text = as_text(PLAN, "main", needs=[("sft (main)", "66 of 80 GiB"), ("", "disk: 70 GB")])
    assert "\n\nWhat the trainings need, reckoned:\nsft (main)  66 of 80 GiB\n            disk: 70 GB\n\n" in text
    assert "reckoned" not in as_text(PLAN, "main")
