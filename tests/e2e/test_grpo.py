"""GRPO by the real ms-swift: the example's reward rises, and each way to begin gives a whole final model."""

import json
from statistics import mean

import parameters
import pytest
from data_commands import command
from demo_run import CONFIG, Demo

from omnitune import base_model, weights

RUN = "results/demo"
# All weights from the base, by another algorithm and several rewards, one of them ms-swift's own; a few steps show
# that it runs.
REWARDS = {
    "accuracy": 1.0,
    "format": 0.5,
    "cosine": 0.1,
    "repetition": {"weight": 0.1, "n": 1, "unit": "char"},
    "length": {"weight": 0.1, "most": 2, "slack": 2},
}
WHOLE = {
    "sft": {"enabled": False},
    "grpo": {"start_from": "base", "tuner": "full", "learning_rate": 1e-4, "epochs": 0.06}
    | {"rewards": REWARDS, "algorithm": "dapo"},
}
# All weights of what the adapter of sft makes of the base, so that it is merged first.
ONWARD = {
    "sft": {"epochs": 0.1},
    "grpo": {"tuner": "full", "learning_rate": 1e-4, "epochs": 0.06, "algorithm": "gspo"},
}
EXPERIMENTS = {"rewarded": {"sft": {"epochs": 0.5}}, "whole": WHOLE, "onward": ONWARD}


@pytest.fixture(scope="module")
def rewarded(demo: Demo) -> Demo:
    """The demo with all experiments trained and merged; the example's is scored."""
    demo.path("config/grpo.yaml").write_text(json.dumps({"experiments": EXPERIMENTS}))
    config = (*CONFIG, "config/examples/demo_grpo.yaml", "config/grpo.yaml")
    merged = [f"{RUN}/{name}/merge/model/manifest.json" for name in ("whole", "onward")]
    targets = [f"{RUN}/rewarded/score/metrics.json", *merged]
    done = demo.snakemake(*config, "--", *targets)
    assert done.returncode == 0, done.stdout
    return demo


def test_the_reward_of_the_example_rises(rewarded: Demo) -> None:
    rewards = [row["reward"] for row in rewarded.rows(f"{RUN}/rewarded/grpo/model/training_log.jsonl")]
    assert len(rewards) == 31
    assert mean(rewards[-5:]) - mean(rewards[:5]) > 0.15, rewards
    told = rewarded.rows(f"{RUN}/rewarded/grpo/model/training_log.jsonl")[-1]
    means = [told[f"rewards/{name}/mean"] for name in ("custom_reward", "accuracy")]
    assert told["reward"] == pytest.approx(means[0] + 0.2 * means[1], abs=1e-4)


def test_prompts_are_rated_and_no_test_row_is_among_them(rewarded: Demo) -> None:
    prompts = {row["id"] for row in rewarded.rows(f"{RUN}/split/grpo.jsonl")}
    held_out = {row["id"] for row in rewarded.rows(f"{RUN}/split/test.jsonl")}
    assert {name.split("/")[0] for name in prompts} == {"digits", "sums"}
    assert not prompts & held_out
    logged = rewarded.rows(f"{RUN}/rewarded/grpo/checkpoints/completions.jsonl")
    assert all(
        len(row["completion"]) == len(row["custom_reward"]) == len(row["accuracy"]) == 128 for row in logged
    )
    assert set(logged[0]["custom_reward"]) <= {0.0, 1.0}


def test_the_adapter_of_sft_is_trained_on_and_merged(rewarded: Demo) -> None:
    before, after = (
        weights.header(rewarded.path(f"{RUN}/rewarded/{stage}/model/adapter_model.safetensors"))
        for stage in ("sft", "grpo")
    )
    assert list(before) == list(after)
    assert any(weights.content(before[name]) != weights.content(after[name]) for name in before)
    base = weights.tensors(rewarded.path(f"{RUN}/model/weights"))
    merged = weights.tensors(rewarded.path(f"{RUN}/rewarded/merge/model"))
    changed = {name for name in base if weights.content(base[name]) != weights.content(merged[name])}
    modules = rewarded.json(f"{RUN}/model/manifest.json")["linear_modules"]["llm"]
    assert changed == {f"{name}.weight" for name in modules}
    base_model.check(rewarded.path(f"{RUN}/rewarded/merge/model"))
    stages = rewarded.json(f"{RUN}/rewarded/score/metrics.json")["stages"]
    assert set(stages) == {"base", "sft", "merge"}


def test_all_weights_are_trained_from_the_base_by_several_rewards(rewarded: Demo) -> None:
    told = rewarded.rows(f"{RUN}/whole/grpo/model/training_log.jsonl")
    assert {f"rewards/{name}/mean" for name in REWARDS} <= set(told[-1])
    assert -1 < min(row["rewards/repetition/mean"] for row in told) < 0
    assert 0 < max(row["rewards/length/mean"] for row in told) < 1
    arguments = rewarded.json(f"{RUN}/whole/grpo/args.json")
    assert (arguments["loss_type"], arguments["epsilon_high"], arguments["beta"]) == ("dapo", 0.28, 0)
    base = weights.tensors(rewarded.path(f"{RUN}/model/weights"))
    merged = weights.tensors(rewarded.path(f"{RUN}/whole/merge/model"))
    assert list(base) == list(merged)
    changed = {name for name in base if weights.content(base[name]) != weights.content(merged[name])}
    assert any(name.startswith("thinker.model.") for name in changed)
    assert not any(name.startswith(("talker.", "code2wav.", "thinker.visual.blocks.")) for name in changed)


def test_what_trains_by_rewards_is_what_the_settings_mean(rewarded: Demo) -> None:
    logs = "logs/demo/{}/train_grpo.swift.log"
    adapter = parameters.of_adapter(rewarded, f"{RUN}/rewarded/grpo/model")
    assert parameters.told(rewarded, logs.format("rewarded")) == adapter
    assert set(adapter) == {"llm attention"}
    for name in ("whole", "onward"):
        assert parameters.told(rewarded, logs.format(name)) == parameters.of_text_model(rewarded)


def test_the_lab_tried_the_rewards_on_the_prompts(rewarded: Demo) -> None:
    lab = rewarded.json(f"{RUN}/rewarded/grpo/rewards.json")
    assert (lab["tried"], set(lab["rewards"])) == (64, {"custom_reward", "accuracy"})
    means = lab["rewards"]["custom_reward"]["means"]
    assert means["gold"] > means["garbage"] == means["empty"] == 0
    # ms-swift's own among others: all of them on the same prompts, with the options of the config.
    whole = rewarded.json(f"{RUN}/whole/grpo/rewards.json")["rewards"]
    assert set(whole) == {*REWARDS, "custom_reward"}  # of the config that it is laid over
    assert whole["accuracy"]["means"]["gold"] == 1
    assert whole["cosine"]["means"]["gold in tags"] > whole["cosine"]["means"]["garbage"]


def test_the_report_shows_how_it_was_rewarded(rewarded: Demo) -> None:
    own = f"{RUN}/rewarded"
    shown = {"name": "rewarded", "metrics": f"{own}/score/metrics.json", "rewards": f"{own}/grpo/rewards.json"}
    shown |= {stage: f"{own}/{stage}/model" for stage in ("sft", "grpo", "merge")}
    files = {"split": f"{RUN}/split/manifest.json", "model": f"{RUN}/model/manifest.json"}
    done = command(
        *("report", "--run", "demo", "--experiments", json.dumps([shown]), "--output", "rewarded.html"),
        *(part for name, path in files.items() for part in (f"--{name}-manifest", path)),
        cwd=rewarded.folder,
    )
    assert done.returncode == 0, done.stderr
    page = rewarded.path("rewarded.html").read_text()
    for title in (
        "Reward custom_reward",
        "Length of a completion, tokens",
        "Share of tokens whose ratio was clipped",
    ):
        assert f"{title} by step, rewarded grpo</title>" in page
    kept = rewarded.json(f"{RUN}/rewarded/grpo/model/completions.json")
    assert kept["sampled"] == 31 * 128
    best, worst = (kept["rewards"]["custom_reward"][which] for which in ("best", "worst"))
    assert all(sample["completion"].strip().endswith("0") for sample in best)
    assert not any(sample["completion"].strip().endswith("0") for sample in worst)
    assert "Best by custom_reward" in page


def test_all_weights_are_trained_on_from_the_merged_adapter_of_sft(rewarded: Demo) -> None:
    base, start, final = (
        weights.tensors(rewarded.path(f"{RUN}/{folder}"))
        for folder in ("model/weights", "onward/grpo/start", "onward/merge/model")
    )
    modules = rewarded.json(f"{RUN}/model/manifest.json")["linear_modules"]["llm"]
    by_sft = {name for name in base if weights.content(base[name]) != weights.content(start[name])}
    by_grpo = {name for name in base if weights.content(start[name]) != weights.content(final[name])}
    assert by_sft == {f"{name}.weight" for name in modules}
    # What no adapter touches is trained too: embeddings and norms.
    assert by_grpo > by_sft
    assert not any(name.startswith(("talker.", "code2wav.", "thinker.visual.blocks.")) for name in by_grpo)
    arguments = rewarded.json(f"{RUN}/onward/grpo/args.json")
    assert arguments["model"].endswith("onward/grpo/start")
    assert "adapters" not in arguments
    assert arguments["importance_sampling_level"] == "sequence"
