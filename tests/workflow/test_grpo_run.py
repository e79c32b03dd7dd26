"""GRPO in the pipeline: what it starts from, what follows it, and what makes it stale; with the fake trainer."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ports import free_ports
from project import Project
from text_rows import sums

Values = dict[str, Any]
REWARD = (
    "def custom_reward(completions, **kwargs):\n"
    "    return [1.0 * (text == right) for text, right in zip(completions, kwargs['solution'])]\n"
)
AFTER_GRPO = {
    *("train_grpo", "merge_model", "check_merge", "render_infer", "infer_model", "score_predictions"),
    *("write_report", "render_deploy"),
}
# What a change of the training's arguments, or of its rewards, asks for before it.
PROVED_AGAIN = {"render_grpo", "check_rewards"}


def grpo(values: Values, **keys: object) -> Values:
    """The small run with prompts and a reward file of the user's own."""
    settings = {"enabled": True, "effective_batch": 8, "num_generations": 4, "save_steps": 5, "epochs": 1}
    settings |= {"reward_file": "rewards.py", "rewards": {"custom_reward": 1.0, "accuracy": 0.5}} | keys
    source = {**values["sources"]["sums"], "use": ["sft", "grpo", "eval"]}
    return {**values, "sources": {"sums": source}, "grpo": settings}


@pytest.mark.parametrize(
    ("keys", "start", "base"),
    [
        ({}, ["adapters", "ref_adapters"], "model/weights"),
        ({"tuner": "full"}, [], "main/grpo/start"),
        ({"start_from": "base"}, [], "model/weights"),
    ],
    ids=["adapter", "merged", "base"],
)
def test_grpo_follows_sft_and_the_final_model_follows_grpo(
    empty: Project, values: Values, keys: Values, start: list[str], base: str
) -> None:
    empty.path("rewards.py").write_text(REWARD)
    empty.write_config(grpo(values, **keys))
    done = empty.snakemake()
    assert done.returncode == 0, done.stdout
    arguments = empty.json("results/small/main/grpo/args.json")
    assert arguments["model"] == f"results/small/{base}"
    assert [name for name in ("adapters", "ref_adapters") if name in arguments] == start
    assert (arguments["reward_funcs"], arguments["reward_weights"]) == (
        ["custom_reward", "accuracy"],
        ["1.0", "0.5"],
    )
    plugins = ["trainer_plugin.py", "reward_plugin.py", "rollout_plugin.py"]
    assert arguments["external_plugins"] == [f"workflow/scripts/{name}" for name in plugins]
    argv = empty.json("results/small/main/grpo/checkpoints/argv.json")
    assert argv[argv.index("--model") + 1] == arguments["model"]
    prompts = empty.rows("results/small/split/grpo.jsonl")
    assert {message["role"] for row in prompts for message in row["messages"]} == {"user"}
    merged = empty.json("results/small/main/merge/model/manifest.json")
    assert merged["base"] == f"results/small/{base}"
    assert "Reward by step, main grpo" in empty.path("results/small/report.html").read_text()
    assert empty.plan() == {}
    # Another reward is another training; everything before it stays.
    empty.path("rewards.py").write_text(REWARD.replace("1.0", "2.0"))
    assert set(empty.plan()) == {*PROVED_AGAIN, *AFTER_GRPO}


def test_switching_grpo_on_plans_grpo_and_what_follows(empty: Project, values: Values) -> None:
    empty.write_config(grpo(values, enabled=False))
    empty.path("rewards.py").write_text(REWARD)
    assert empty.snakemake().returncode == 0
    empty.write_config(grpo(values))
    assert set(empty.plan()) == {*PROVED_AGAIN, *AFTER_GRPO}


def test_a_reward_that_does_not_exist_is_told_before_anything_runs(empty: Project, values: Values) -> None:
    empty.path("rewards.py").write_text(REWARD)
    empty.write_config(grpo(values, rewards={"custom_rewrad": 1}))
    done = empty.snakemake()
    assert done.returncode == 78
    assert "grpo.rewards: there is no reward custom_rewrad. Did you mean custom_reward?" in done.stdout
    assert not empty.path("results").exists()


def test_a_reward_that_teaches_nothing_is_stopped_before_sft_trains(empty: Project, values: Values) -> None:
    empty.path("rewards.py").write_text("def custom_reward(completions, **kwargs): return [1] * len(completions)")
    empty.write_config(grpo(values))
    done = empty.snakemake("--cores", "1")
    assert done.returncode == 1
    assert "grpo.rewards.custom_reward: it gives every completion 1, right or wrong, so nothing" in done.stdout
    assert not empty.path("results/small/main/sft/checkpoints").exists()


def test_prompts_without_the_solution_that_a_reward_needs_are_told_before_sft_trains(
    empty: Project, values: Values
) -> None:
    empty.path("rewards.py").write_text(REWARD)
    rows = [{"messages": [{"role": "user", "content": f"{n}?"}]} for n in range(40)]
    empty.write_rows("data/prompts.jsonl", rows)
    changed = grpo(values)
    prompts = {"format": "messages", "path": "data/prompts.jsonl", "use": ["grpo"], "task": "sums"}
    changed["sources"] = {**values["sources"], "prompts": prompts}
    empty.write_config(changed)
    done = empty.snakemake("--cores", "1")
    assert done.returncode == 1
    assert "40 of 40 prompts have no solution, and without one the reward is 0" in done.stdout
    assert not empty.path("results/small/main/sft/checkpoints").exists()


@pytest.fixture(scope="module")
def rated(
    values: Values, copy_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """A finished run whose GRPO starts from the merged model of sft: every stage has run. Tests only plan."""
    project = copy_project(tmp_path_factory.mktemp("rated"))
    # Its rewards are of three files: one imports another, and an option names the third.
    kinds = {"custom_reward": 1.0, "accuracy": 0.5, "json_schema": {"weight": 0.1, "file": "schema.json"}}
    project.write_config(grpo(values, tuner="full", rewards=kinds))
    project.write_rows("data/sums.jsonl", sums(0, 100))
    project.path("rewards.py").write_text("from scale import ONE\n" + REWARD.replace("1.0", "ONE"))
    project.path("scale.py").write_text("ONE = 1.0\n")
    project.path("schema.json").write_text('{"type": "integer"}')
    done = project.snakemake()
    assert done.returncode == 0, done.stdout
    assert project.plan() == {}
    return project


TRAINED_AGAIN = {"render_sft", "train_sft", "merge_start", "check_start", *AFTER_GRPO}
JUDGED_AGAIN = {"validate_source", "split_rows", "report_data", *TRAINED_AGAIN, *PROVED_AGAIN}
INFER_BASE = {"render_infer_base", "infer_base"}
STALE = {
    "grpo.learning_rate=2e-6": {*PROVED_AGAIN, *AFTER_GRPO},
    "grpo.rewards.accuracy=0.25": {*PROVED_AGAIN, *AFTER_GRPO},
    "grpo.num_generations=8": {*PROVED_AGAIN, *AFTER_GRPO},
    "grpo.temperature=0.7": {*PROVED_AGAIN, *AFTER_GRPO},
    "grpo.swift.epsilon=0.1": {*PROVED_AGAIN, *AFTER_GRPO},
    "grpo.start_from=base": {*PROVED_AGAIN, *AFTER_GRPO},
    "grpo.enabled=false": AFTER_GRPO - {"train_grpo"},
    "grpo.algorithm=dapo": {*PROVED_AGAIN, *AFTER_GRPO},
    # Another trial of the same rewards is no other training.
    "grpo.lab.rows=32": {"check_rewards", "write_report"},
    "sft.learning_rate=2e-4": TRAINED_AGAIN,
    "grpo.max_length=2000": {*JUDGED_AGAIN, *INFER_BASE},
    "media.image_max_pixels=500000": {*JUDGED_AGAIN, *INFER_BASE},
    "deploy.port=8001": {"render_deploy"},
}


@pytest.mark.parametrize("change", STALE)
def test_a_changed_key_plans_grpo_when_it_depends_on_it(rated: Project, change: str) -> None:
    path, value = change.split("=")
    changed: Any = yaml.safe_load(value) if "e-" not in value else float(value)
    for key in reversed(path.split(".")):
        changed = {key: changed}
    rated.path("config/changed.yaml").write_text(json.dumps(changed))
    plan = rated.plan("--configfile", "config/config.yaml", "config/changed.yaml")
    assert set(plan) == STALE[change]


@pytest.mark.parametrize(
    ("file", "text"), [("rewards.py", REWARD), ("scale.py", "ONE = 2.0\n"), ("schema.json", '{"type": "string"}')]
)
def test_another_content_of_a_file_of_rewards_is_another_training(
    rated: Project, tmp_path: Path, file: str, text: str
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(rated.folder, folder, symlinks=True)
    (folder / file).write_text(text)
    assert set(Project(folder).plan()) == {*PROVED_AGAIN, *AFTER_GRPO}


def test_a_comment_in_any_code_file_plans_nothing_of_grpo(rated: Project, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(rated.folder, folder, symlinks=True)
    for path in folder.glob("workflow/scripts/**/*.py"):
        with path.open("a") as file:
            file.write("# a comment\n")
    assert Project(folder).plan() == {}


def test_an_environment_with_vllm_is_asked_for_by_the_jobs_that_work_in_it(empty: Project, values: Values) -> None:
    envs = {**values["envs"], "vllm-cpu": "/nowhere"}
    empty.path("rewards.py").write_text(REWARD)
    empty.write_config(grpo({**values, "envs": envs}, rollout="colocate"))
    done = empty.snakemake("--", "results/small/main/grpo/args.json")
    assert done.returncode == 0, done.stdout
    done = empty.snakemake("--", "results/small/main/grpo/rewards.json")
    assert done.returncode == 78, done.stdout
    assert "error: envs.vllm-cpu: there is no /nowhere/bin/python." in done.stdout
    # As docs/rewards.md says for a machine that is to have none.
    elsewhere = ("--config", "grpo={rollout: transformers}")
    done = empty.snakemake(*elsewhere, "--", "results/small/main/grpo/rewards.json")
    assert done.returncode == 0, done.stdout
    # Where the training runs they are tried again.
    assert "check_rewards" in empty.plan("--", "results/small/main/grpo/rewards.json")


def test_a_server_samples_and_its_port_is_no_part_of_the_result(
    empty: Project, values: Values, fake_swift: Path, tmp_path: Path
) -> None:
    # The fake trainer again, in an environment that has a vLLM by name, and a package of the user's.
    vllm = tmp_path / "vllm"
    packages = vllm / "lib/python3.11/site-packages"
    for package in ("vllm", "only_there"):
        (packages / package).mkdir(parents=True)
        (packages / package / "__init__.py").touch()
    (vllm / "bin").mkdir()
    python = vllm / "bin/python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="{packages}${{PYTHONPATH:+:$PYTHONPATH}}" exec "{fake_swift}/bin/python" "$@"\n'
    )
    python.chmod(0o755)
    values = {**values, "envs": {**values["envs"], "vllm-cpu": str(vllm)}}

    def write(port: int, **server: object) -> None:
        empty.write_config(grpo(values, rollout="server", server={"port": port, **server}))

    empty.path("rewards.py").write_text(f"import only_there\n{REWARD}")
    port = free_ports()
    write(port)
    target = "results/small/main/grpo/model/manifest.json"
    done = empty.snakemake("--", target)
    assert done.returncode == 0, done.stdout + empty.path("logs/small/main/train_grpo.log").read_text()
    server = empty.json("results/small/main/grpo/rollout.json")
    assert server["model"] == "results/small/model/weights"
    assert server["external_plugins"] == ["workflow/scripts/rollout_plugin.py"]
    assert "port" not in server
    argv = empty.json("results/small/main/grpo/checkpoints/argv.json")
    assert argv[argv.index("--vllm_server_port") + 1] == str(port)
    environment = empty.json("results/small/main/grpo/checkpoints/environment.json")
    assert environment["OMNITUNE_ROLLOUT"] == "results/small/main/grpo/rollout.json"
    log = empty.path("logs/small/main/train_grpo.rollout.swift.log").read_text()
    assert f"Uvicorn running on http://127.0.0.1:{port}" in log

    write(free_ports())
    assert empty.plan("--", target) == {}
    write(port, swift={"vllm_max_num_seqs": 4})
    assert set(empty.plan("--", target)) == {"render_rollout", "train_grpo"}
