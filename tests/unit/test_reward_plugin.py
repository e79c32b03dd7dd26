"""The plugin in ms-swift's own table of rewards."""

import json
import random
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from omnitune import rewards
from omnitune.environments import ROOT

PLUGIN = ROOT / "workflow/scripts/reward_plugin.py"
FILE = """
from swift.rewards import ORM, orms

def custom_reward(completions, **kwargs):
    return [float(answer == text) for text, answer in zip(completions, kwargs["solution"])]

def format(completions, **kwargs):
    return [7.0] * len(completions)

def short(completions, **kwargs):
    return [1.0]

class Longest(ORM):
    def __call__(self, completions, **kwargs):
        return [float(len(text)) for text in completions]

def scaled(completions, by, **kwargs):
    return [by] * len(completions)

class Scaled(ORM):
    def __init__(self, args=None, by=1, **kwargs):
        self.by = by

    def __call__(self, completions, **kwargs):
        return [self.by for text in completions]

orms["put"] = lambda args=None, **kwargs: lambda completions, **columns: [3.0] * len(completions)
"""


@pytest.mark.swift
def test_ms_swift_finds_its_own_ours_and_the_users_rewards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from swift.rewards import orms

    before = dict(orms)
    try:
        path = tmp_path / "reward_plugin.py"  # the name that the scripts' README gives it
        path.write_text(FILE)
        monkeypatch.setenv(rewards.FILE_VARIABLE, str(path))
        options = {"scaled": {"by": 5}, "Scaled": {"by": 7}}
        monkeypatch.setenv(rewards.OPTIONS_VARIABLE, json.dumps(options))
        runpy.run_path(str(PLUGIN))

        def rate(name: str) -> list[float]:
            reward = orms[name](args=None)
            assert reward.__name__ == name  # ms-swift's logs are told by it
            return reward(["4", "five"], columns=['{"solution": "4"}'] * 2, finish_reason=["stop", "stop"])

        assert rate("custom_reward") == [1, 0]
        assert rate("accuracy") == [1, 0]
        assert rate("format") == [7, 7], "the user's own of that name"
        assert rate("Longest") == [1, 4]
        assert rate("put") == [3, 3]
        assert rate("scaled") == [5, 5]
        assert rate("Scaled") == [7, 7]
        with pytest.raises(rewards.RewardError, match=r"reward short returned 1 values for 2 completions"):
            rate("short")
        assert set(before) <= set(orms)
        assert (
            set(before) - set(rewards.REWARDS) == rewards.SWIFTS
        )  # by which a config is checked without ms-swift
    finally:
        orms.clear()
        orms.update(before)


@pytest.mark.swift
def test_our_rewards_of_ms_swifts_names_say_what_its_do():
    from swift.rewards import orms

    numbers = random.Random(3)
    texts = [" ".join(numbers.choices("abc", k=numbers.randint(0, 40))) for _ in range(50)]
    theirs = orms["repetition"](args=SimpleNamespace(repetition_n_grams=3, repetition_max_penalty=-1.0))
    assert rewards.REWARDS["repetition"](texts) == pytest.approx(theirs(texts))
    shapes = ["<think>a</think><answer>b</answer>", "<answer>b</answer>", "", "<think>a</think> <answer></answer>"]
    assert rewards.REWARDS["format"](shapes) == orms["format"]()(shapes)


@pytest.mark.swift
def test_the_lab_calls_rewards_as_ms_swift_does(tmp_path: Path):
    """The worker's call and ms-swift's own, on the samples that a rollout leaves."""
    import torch
    from swift.rl_core.data import GRPOSample
    from swift.rl_core.grpo_algorithm import compute_rewards_per_func

    from omnitune.demo.tokenizer import write_tokenizer
    from omnitune.reward_lab import batches, worker
    from omnitune.tokens.text import load_tokenizer

    write_tokenizer(tmp_path)
    prompt = [{"role": "user", "content": "1 + 1 ="}]
    rows = [{"id": f"a/{n}", "messages": prompt, "solution": str(n), "columns": '{"day": 1}'} for n in range(5)]
    made = batches.batches(rows, load_tokenizer(tmp_path), seed=1, longest=8)
    seen: list[dict] = []

    def keep(completions, **columns):
        seen.append({"completions": list(completions), **columns})
        return [float(len(text)) for text in completions]

    async def later(completions, **columns):
        return keep(completions, **columns)

    for kind, batch in made.items():
        names = batch["columns"]
        samples = [
            GRPOSample.from_row(
                {name: names[name][n] for name in names} | {"finish_reason": names["finish_reason"][n]}
            )
            for n in range(len(rows))
        ]
        for reward in (rewards.named("keep", keep), rewards.named("later", later)):
            theirs = compute_rewards_per_func(samples, [reward], [None], torch.device("cpu"))[:, 0].tolist()
            ours = worker.call(reward, batch["completions"], batch["columns"])
            assert ours == theirs, kind
        for theirs, ours in zip(seen[::2], seen[1::2], strict=True):
            ignored = {"trainer_state", "images", "videos", "audios"}
            assert {k: v for k, v in ours.items() if k not in ignored} == {
                k: v for k, v in theirs.items() if k in ours and k not in ignored
            }
            assert set(theirs) - set(ours) <= ignored | {"tools", "objects", "margin", "rejected_response"}
        seen.clear()
