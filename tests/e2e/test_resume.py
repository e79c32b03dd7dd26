"""A real trainer, killed while it trains; the same command again gives the same adapter, bit for bit."""

import json
import subprocess
import time
from pathlib import Path

import psutil
from conftest import CONFIG, Demo

# A logged loss is the mean since the line before; a resumed trainer has forgotten the steps before its checkpoint.
SHORT = {"sft": {"epochs": 0.3, "save_steps": 4, "eval_steps": 8, "logging_steps": 1}}


def test_killed_and_repeated_equals_never_killed(demo: Demo) -> None:
    demo.path("config/short.yaml").write_text(json.dumps({"experiments": {"whole": SHORT, "killed": SHORT}}))
    config = (*CONFIG, "config/short.yaml")

    def target(name: str) -> str:
        return f"results/demo/{name}/sft/model/manifest.json"

    done = demo.snakemake(*config, "--", target("whole"))
    assert done.returncode == 0, done.stdout

    first = subprocess.Popen(
        demo.argv(*config, "--", target("killed")),
        cwd=demo.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    state = demo.path("results/demo/killed/sft/checkpoints/checkpoint-8/trainer_state.json")
    wait_for(state, first)
    trainer_in(demo.folder).kill()
    output, _ = first.communicate(timeout=60)
    assert first.returncode == 1
    assert b"ms-swift was killed" in output
    assert not demo.path(target("killed")).exists()

    done = demo.snakemake(*config, "--", target("killed"))
    assert done.returncode == 0, done.stdout
    assert "Resuming from step" in demo.path("logs/demo/killed/train_sft.log").read_text()
    whole, killed = (demo.path(target(name)).parent for name in ("whole", "killed"))
    name = "adapter_model.safetensors"
    assert (whole / name).read_bytes() == (killed / name).read_bytes()
    losses = [[row.get("loss") for row in demo.rows(f"{folder}/training_log.jsonl")] for folder in (whole, killed)]
    assert losses[0] == losses[1]


def wait_for(path: Path, process: "subprocess.Popen[bytes]") -> None:
    """Until the file is there; fails when the process ends before."""
    while not path.exists():
        assert process.poll() is None, process.stdout and process.stdout.read().decode()
        time.sleep(0.05)


def trainer_in(folder: Path) -> psutil.Process:
    """The process that trains below a folder."""
    for process in psutil.process_iter(["cmdline"]):
        if "swift.cli.sft" in (process.info["cmdline"] or []) and Path(process.cwd()) == folder:
            return process
    raise AssertionError("no trainer is running")
