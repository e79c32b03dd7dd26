"""What only GPUs show, by the real tools: `make test-full SUITE=gpu` on a machine with one, better with two.

A machine's own environment (ms-swift and vLLM in one) is taken from OMNITUNE_GPU_ENV.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from ports import free_ports
from project import Project
from quick_grpo import GRPO, REWARD_FILE, STEADY

from omnitune import environments, nvml, weights
from omnitune.trainer import heartbeat

pytestmark = pytest.mark.skipif(nvml.count() < 1, reason="there is no GPU")
two_gpus = pytest.mark.skipif(nvml.count() < 2, reason="there are no two GPUs")

CONFIG = tuple(f"config/examples/{name}.yaml" for name in ("demo", "demo_cuda"))
OVERLAY = "config/gpu.json"
RUN = "results/demo"
SHORT = {"epochs": 0.4, "save_steps": 4, "eval_steps": 8, "logging_steps": 1, "lora": {"dropout": 0}}
MORE = {"epochs": 0.1, "vllm_gpu_memory_utilization": 0.2}


@dataclass
class Trained(Project):
    """The demo on CUDA; `gpus` of this machine are used."""

    gpus: int

    def start(self, *targets: str, **environment: str) -> "subprocess.Popen[bytes]":
        """A snakemake with this module's config, for some targets."""
        argv = self.argv("--cores", "all", "--resources", f"gpu={self.gpus}", "--configfile", *CONFIG, OVERLAY)
        log = self.path("said").open("ab")
        return subprocess.Popen(
            [*argv, "--", *targets],
            cwd=self.folder, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def make(self, *targets: str, **environment: str) -> None:
        """Make these; fails with what was said."""
        code = self.start(*targets, **environment).wait(900)
        logs = [path.read_text()[-3000:] for path in self.path("logs").rglob("*.log")] if code else []
        assert code == 0, self.path("said").read_text()[-8000:] + "\n".join(logs)

    def model(self, experiment: str, stage: str = "sft") -> str:
        """The manifest of a trained model."""
        return f"{RUN}/{experiment}/{stage}/model/manifest.json"

    def losses(self, experiment: str) -> list[float]:
        """Of each step."""
        log = self.rows(f"{RUN}/{experiment}/sft/model/training_log.jsonl")
        return [row["loss"] for row in log if "loss" in row]


def still_running() -> list[str]:
    """Processes of ms-swift and vLLM that are not gone."""
    titles = (" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [title for title in titles if "swift.cli" in title or "VLLM::" in title]


@pytest.fixture(scope="module")
def trained(copy_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Where the tests train; each makes what it looks at."""
    project = Trained(copy_project(tmp_path_factory.mktemp("gpu")).folder, min(2, nvml.count()))
    own = os.environ.get("OMNITUNE_GPU_ENV")
    two = SHORT | {"gpus": 2, "micro_batch": 8}
    config: dict[str, Any] = {
        "envs": {"swift": own, "vllm": own} if own else {},
        "resources": {"retries": 0},  # what was killed is not started again by itself
        "sources": {"digits": {"use": ["sft", "grpo", "eval"]}},
        "experiments": {
            "main": {},
            "whole": {"sft": SHORT},
            "killed": {"sft": SHORT},
            "experts": {"sft": SHORT | {"lora": {"dropout": 0, "experts": True}}},
            "zero2": {"sft": two | {"deepspeed": "zero2"}},
            "zero3": {"sft": two | {"deepspeed": "zero3"}},
            "full": {"sft": two | {"deepspeed": "zero3", "tuner": "full"}},
            "colocate": {"grpo": GRPO | MORE | {"rollout": "colocate"}},
            "server": {"grpo": GRPO | MORE | {"rollout": "server", "server": {"port": free_ports()}}},
        },
    }
    project.path(OVERLAY).write_text(json.dumps(config))
    project.path(REWARD_FILE).write_text(STEADY)
    return project


def test_held_out_answers_become_right_and_the_merge_is_proved(trained: Trained) -> None:
    trained.make(f"{RUN}/main/score/metrics.json")
    stages = trained.json(f"{RUN}/main/score/metrics.json")["stages"]
    for task in ("digits", "tones"):
        base, tuned = stages["base"][task], stages["merge"][task]
        assert tuned["exact_match"] - base["exact_match"] >= 0.25, (task, base, tuned)
    proof = trained.json(f"{RUN}/main/merge/parity.json")
    assert proof["dtype"] == "bfloat16"
    assert {row["modality"] for row in proof["rows"]} == {"image", "audio", "video", "text"}


def test_killed_it_goes_on_and_ends_with_the_same_losses(trained: Trained) -> None:
    trained.make(trained.model("whole"))
    work = trained.path(f"{RUN}/killed/sft/checkpoints")
    first = trained.start(trained.model("killed"))
    while not (work / "checkpoint-4/SEAL.json").exists():
        assert first.poll() is None, trained.path("said").read_text()[-4000:]
        time.sleep(0.05)
    os.kill(heartbeat.read(work)[-1].pid, signal.SIGKILL)
    assert first.wait(120) == 1
    trained.make(trained.model("killed"))
    assert "Resuming from step" in trained.path("logs/demo/killed/train_sft.log").read_text()
    assert trained.losses("killed") == pytest.approx(trained.losses("whole"), abs=2e-2)
    assert still_running() == []


def test_experts_are_adapted(trained: Trained) -> None:
    trained.make(f"{RUN}/experts/merge/parity.json")
    adapter = weights.header(trained.path(f"{RUN}/experts/sft/model/adapter_model.safetensors"))
    assert any(".experts." in name for name in adapter)


@two_gpus
def test_two_ranks_train_alike_with_each_preset(trained: Trained) -> None:
    trained.make(trained.model("zero2"), trained.model("zero3"))
    assert trained.losses("zero3") == pytest.approx(trained.losses("zero2"), abs=0.01)


@two_gpus
def test_all_weights_by_zero3_are_published(trained: Trained) -> None:
    trained.make(f"{RUN}/full/merge/model/manifest.json")
    base = weights.tensors(trained.path(f"{RUN}/model/weights"))
    published = weights.tensors(trained.path(f"{RUN}/full/merge/model"))
    assert list(base) == list(published)
    for name in base:
        same = weights.content(base[name]) == weights.content(published[name])
        assert same or not name.startswith(("talker.", "code2wav.")), name


@pytest.mark.parametrize("mode", ["colocate", pytest.param("server", marks=two_gpus)])
def test_what_is_sampled_is_what_is_trained_at_every_step(trained: Trained, mode: str) -> None:
    """To the server the weights go by NCCL."""
    trained.make(trained.model(mode, "grpo"))
    log = trained.rows(f"{RUN}/{mode}/grpo/model/training_log.jsonl")
    assert len(log) >= 4
    # From the second step on the policy is another model than vLLM loaded.
    assert all(row["rollout/logp_correlation"] > 0.98 for row in log), log
    assert still_running() == []


def test_vllm_answers_as_transformers_does(trained: Trained) -> None:
    answers = []
    config = trained.json(OVERLAY)
    for backend in ("transformers", "vllm"):
        trained.path(OVERLAY).write_text(json.dumps(config | {"infer": {"backend": backend}}))
        trained.make(f"{RUN}/base/infer.jsonl")
        answers.append({row["id"]: row["prediction"] for row in trained.rows(f"{RUN}/base/infer.jsonl")})
    one, other = answers
    assert one.keys() == other.keys()
    differ = [name for name in one if one[name] != other[name]]
    assert len(differ) <= len(one) // 20, "more than words that bfloat16 finds equally likely"


def test_a_gpu_that_a_stranger_uses_is_passed_over(trained: Trained) -> None:
    own = os.environ.get("OMNITUNE_GPU_ENV")
    torch = environments.python("swift", own)
    hold = (
        "import time, torch; held = torch.empty(4 << 30, dtype=torch.uint8, device='cuda:0')\n"
        "print('held', flush=True); time.sleep(300)"
    )
    stranger = subprocess.Popen([torch, "-c", hold], stdout=subprocess.PIPE)
    try:
        assert stranger.stdout
        assert stranger.stdout.readline() == b"held\n"
        ask = (
            "from omnitune import gpus; gpus.STRANGER_SECONDS = 1\n"
            "with gpus.leased(1) as lease: print('got', lease.devices)"
        )
        done = subprocess.run(
            [sys.executable, "-c", ask], capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "PYTHONPATH": str(trained.path("workflow/scripts"))},
        )  # fmt: skip
    finally:
        stranger.kill()
        stranger.wait()
    assert re.search(r"GPU 0 is passed over: in use, \d+\.\d GiB by ", done.stdout), done
    if trained.gpus == 1:
        assert "for 0 min the memory of 1 has been in use" in done.stderr
    else:
        assert "got 1" in done.stdout
