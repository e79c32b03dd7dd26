"""All weights, the experts' adapters, or a finished adapter trained on, killed and stopped: bit for bit by one
process, to 1e-6 by ZeRO-3, where each rank holds a share of every weight. And what trained is what was meant."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import parameters
import pytest
from demo_run import CONFIG, Demo
from full import full
from interrupting import ONCE, SECONDS, interrupted, key_of, losses
from tally import Count

from omnitune import checkpoints, seals, weights

RUN = "results/demo"
SHORT = {"tuner": "full", "learning_rate": 1e-4, "epochs": 0.15, "logging_steps": 1}
SHORT |= {"save_steps": 2, "eval_steps": 6}
EXPERTS = {"tuner": "lora", "learning_rate": 4e-3, "lora": {"rank": 4, "dropout": 0, "experts": True}}
AGAIN = {"tuner": "lora", "learning_rate": 4e-3, "lora": {"dropout": 0}, "resume_adapter": f"{RUN}/main/sft/model"}
ALONE = {"full": {}, **full({}, {"experts": EXPERTS, "again": AGAIN})}
PRESETS = full(["zero3"], ["zero3", "zero3_offload", "zero2_offload"])
SHARED = {preset: {"processes": 2, "deepspeed": preset, "micro_batch": 8} for preset in PRESETS}


@pytest.fixture(scope="module")
def configured(demo: Demo) -> Demo:
    """The demo, with each training twice: one is left alone, one is ended from outside."""
    kinds = ALONE | SHARED
    twice = {f"{how}_{kind}": {"sft": SHORT | keys} for kind, keys in kinds.items() for how in ("whole", "ended")}
    demo.path("config/all_weights.yaml").write_text(json.dumps(ONCE | {"experiments": twice}))
    return demo


def argv(demo: Demo, experiment: str) -> list[str]:
    """The command that trains an experiment."""
    return demo.argv(*CONFIG, "config/all_weights.yaml", "--", f"{RUN}/{experiment}/sft/model/manifest.json")


def trained(demo: Demo, experiment: str) -> dict[str, weights.Tensor]:
    """Train an experiment to its end; the tensors of its model."""
    done = subprocess.run(
        argv(demo, experiment), cwd=demo.folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    model = demo.path(f"{RUN}/{experiment}/sft/model")
    return {name: tensor for file in model.glob("*.safetensors") for name, tensor in weights.header(file).items()}


@pytest.mark.parametrize("kind", ALONE)
def test_a_killed_training_of_one_process_publishes_the_same_bytes(
    configured: Demo, kind: str, count: Count
) -> None:
    demo = configured
    whole = trained(demo, f"whole_{kind}")
    name = f"ended_{kind}"
    work = demo.path(f"{RUN}/{name}/sft/checkpoints")
    told = interrupted(demo, argv(demo, name), work, signal.SIGKILL, "checkpoint-2/SEAL.json")
    assert "ms-swift was killed" in told
    ended = trained(demo, name)
    assert "Resuming from step " in demo.path(f"logs/demo/{name}/train_sft.log").read_text()
    assert list(whole) == list(ended)
    assert [tensor for tensor in whole if weights.content(whole[tensor]) != weights.content(ended[tensor])] == []
    assert losses(demo, f"{RUN}/{name}/sft/model") == losses(demo, f"{RUN}/whole_{kind}/sft/model")
    meant = parameters.of_text_model(demo)
    if kind != "full":
        meant = parameters.of_adapter(demo, f"{RUN}/{name}/sft/model")
    assert parameters.told(demo, f"logs/demo/{name}/train_sft.swift.log") == meant
    count("kills and hangs of real trainers survived")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_stopped_training_in_shares_ends_as_if_it_was_not(configured: Demo, preset: str, count: Count) -> None:
    demo = configured
    whole = trained(demo, f"whole_{preset}")
    name = f"ended_{preset}"
    work = demo.path(f"{RUN}/{name}/sft/checkpoints")
    interrupted(demo, argv(demo, name), work, signal.SIGTERM, "checkpoint-2/SEAL.json")
    assert demo.json(f"logs/demo/{name}/train_sft.swift.verdict.json")["code"] == 85
    stopped, put_aside = checkpoints.newest_sound(work, key_of(work))
    assert stopped
    assert put_aside == []
    folder = f"global_step{stopped.step}"
    shares = {f"{folder}/zero_pp_rank_{rank}_mp_rank_00_optim_states.pt" for rank in range(2)}
    if preset.startswith("zero3"):
        shares |= {f"{folder}/zero_pp_rank_{rank}_mp_rank_00_model_states.pt" for rank in range(2)}
    assert shares <= seals.read(stopped.folder).files.keys()

    ended = trained(demo, name)
    log = demo.path(f"logs/demo/{name}/train_sft.log").read_text()
    assert f"Resuming from step {stopped.step} of {stopped.max_steps}." in log
    assert losses(demo, f"{RUN}/{name}/sft/model") == pytest.approx(
        losses(demo, f"{RUN}/whole_{preset}/sft/model"), abs=1e-6
    )
    assert list(whole) == list(ended)
    for tensor in whole:
        values = [np.frombuffer(weights.content(each[tensor]), np.float32) for each in (whole, ended)]
        np.testing.assert_allclose(*values, atol=1e-5, err_msg=tensor)
    # A rank sees its share of a weight only, and counts the whole.
    assert parameters.told(demo, f"logs/demo/{name}/train_sft.swift.log") == parameters.of_text_model(demo)
    count("kills and hangs of real trainers survived")


def test_in_shares_too_nothing_trains_that_was_not_meant(configured: Demo, swift_python: Path) -> None:
    """The arguments open what the contract keeps frozen; every rank sees it, before the first step."""
    demo = configured
    demo.snakemake(*CONFIG, "config/all_weights.yaml", "--", f"{RUN}/ended_zero3/sft/args.json")
    arguments = demo.json(f"{RUN}/ended_zero3/sft/args.json")
    arguments |= {"freeze_aligner": "false", "output_dir": "refused/checkpoints"}
    demo.path("refused.json").write_text(json.dumps(arguments))
    command = [sys.executable, "workflow/scripts/train.py", "--stage", "sft", "--args", "refused.json"]
    command += ["--output", "refused/model", "--log", "logs/refused.swift.log", "--python", str(swift_python)]
    command += ["--processes", "2"]
    done = subprocess.run(command, cwd=demo.folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 78, done.stderr
    parts = demo.json(f"{RUN}/model/manifest.json")["parts"]
    assert f"(aligner: {parts['aligner']:,} train, the settings mean 0)" in done.stderr
    assert checkpoints.sealed(demo.path("refused/checkpoints")) == []
