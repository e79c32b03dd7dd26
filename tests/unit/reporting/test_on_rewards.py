"""A training on rewards on the page: its trial, its curves, its completions, what to look at."""

import json
from pathlib import Path

import pytest
from page_checker import Checker

from omnitune.reporting.inputs import Experiment, Model, Split
from omnitune.reporting.on_rewards import notes, read_series
from omnitune.reporting.page import render

KINDS = ["gold", "garbage"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The published folder of a training on rewards."""
    folder = tmp_path / "grpo" / "model"
    folder.mkdir(parents=True)
    log = [
        {
            "loss": 0.0,
            "reward": 0.1 * step,
            "rewards/accuracy/mean": 0.1 * step,
            "rewards/accuracy/std": 0.1,
            "rewards/my_own/mean": 0.5,
            "kl": 0.01 * step,
            "completions/mean_length": 20.0 - step,
            "completions/clipped_ratio": 0.9,
            "frac_reward_zero_std": 0.95,
            "clip_ratio/region_mean": 0.0,
            "rollout/logp_correlation": 0.999 if step < 4 else 0.98,
            "global_step/max_steps": f"{step}/10",
        }
        for step in range(1, 11)
    ]
    (folder / "training_log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in log))
    (folder / "manifest.json").write_text(json.dumps({"stage": "grpo", "global_step": 10, "max_steps": 10}))
    sample = {"step": 3, "prompt": "<|im_start|>user\n2 + 2 =<|im_end|>\n", "rewards": {"accuracy": 1.0}}
    bad = sample | {"completion": "<script>alert(1)</script>", "rewards": {"accuracy": 0.0}}
    extremes = {"best": [sample | {"completion": "4"}], "worst": [bad, bad | {"completion": ""}]}
    found = {"sampled": 1280, "rewards": {"accuracy": extremes}}
    (folder / "completions.json").write_text(json.dumps(found))
    trial = {"weight": 1.0, "means": {"gold": 1.0, "garbage": None}, "milliseconds": 0.25, "notes": ["Look here."]}
    lab = {"prompts": 200, "tried": 64, "kinds": KINDS, "rewards": {"accuracy": trial}, "total": {"gold": 1.0}}
    (tmp_path / "rewards.json").write_text(json.dumps(lab))
    return folder


def page(model: Path, **fields: str) -> str:
    experiment = Experiment(name="main", grpo=str(model), **fields)
    return render("demo", Split(), Model(), [experiment])


def test_everything_is_shown_and_nothing_is_run(model: Path) -> None:
    html = page(model, rewards=str(model.parents[1] / "rewards.json"))
    checked = Checker(html)
    assert (checked.stack, checked.fetched) == ([], [])
    assert len(checked.ids) == len(set(checked.ids))
    assert checked.wanted <= set(checked.ids)
    for title in (
        "Reward by step, main grpo",
        "Reward accuracy by step, main grpo",
        "Reward my_own by step, main grpo",
        "Divergence from the start (KL) by step, main grpo",
        "Length of a completion, tokens by step, main grpo",
        "Share of tokens whose ratio was clipped by step, main grpo",
        "Correlation of log-probabilities, vLLM&#39;s and the trainer&#39;s by step, main grpo",
    ):
        assert f">{title}</title>" in html, title
    assert "64 of 200 prompts" in html
    assert "Look here." in html
    assert "1\u202f280 completions" in html
    assert "Best by accuracy" in html
    assert "Worst by accuracy" in html
    assert '<td class="text sampled">user\n2 + 2 =</td><td class="text sampled">4</td>' in html
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "(empty)" in html
    assert html == page(model, rewards=str(model.parents[1] / "rewards.json"))


def test_what_is_not_there_is_left_out(model: Path) -> None:
    (model / "completions.json").unlink()
    html = page(model)
    assert "before the training" not in html
    assert "completions</summary>" not in html
    (model / "training_log.jsonl").write_text("")
    assert "No loss was logged." in page(model)


def test_what_to_look_at_is_said(model: Path) -> None:
    told = notes(read_series(model / "training_log.jsonl"))
    assert told[0] == "The mean reward went from 0.150 to 0.950 (+0.800; first and last fifth of the steps)."
    assert told[1].startswith("In the end all completions of 95 % of the prompts got the same reward")
    assert told[2].startswith("In the end 90 % of the completions were cut at the longest length")
    assert told[3] == (
        "At 7 of 10 steps, first at 4, the log-probabilities of vLLM and the trainer correlate by less than 0.99: "
        "what is sampled is not quite what is trained."
    )
    assert notes({}) == []
    assert len(notes({"reward": [(1, 0.5)], "frac_reward_zero_std": [(1, 0.2)]})) == 1
