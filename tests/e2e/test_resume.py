"""A real trainer, killed and stopped while it trains; repeated, it gives the same adapter, bit for bit."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
from conftest import CONFIG, Demo

from omnitune import checkpoint_size, checkpoints, disk, runkey
from omnitune.trainer import heartbeat

# A logged loss is the mean since the line before; a resumed trainer has forgotten the steps before its checkpoint.
SHORT = {"sft": {"epochs": 0.3, "save_steps": 4, "eval_steps": 8, "logging_steps": 1}}


def test_killed_stopped_and_repeated_equals_never_interrupted(demo: Demo) -> None:
    demo.path("config/short.yaml").write_text(json.dumps({"experiments": {"whole": SHORT, "killed": SHORT}}))
    config = (*CONFIG, "config/short.yaml")

    def target(name: str) -> str:
        return f"results/demo/{name}/sft/model/manifest.json"

    done = demo.snakemake(*config, "--", target("whole"))
    assert done.returncode == 0, done.stdout

    def interrupted(after: int, number: int) -> str:
        """What Snakemake prints when the trainer gets a signal after that checkpoint."""
        first = subprocess.Popen(
            demo.argv(*config, "--", target("killed")),
            cwd=demo.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        wait_for(work / f"checkpoint-{after}/SEAL.json", first)
        os.kill(trainer_in(demo.folder).pid, number)
        output, _ = first.communicate(timeout=60)
        assert first.returncode == 1
        assert not demo.path(target("killed")).exists()
        return output.decode()

    work = demo.path("results/demo/killed/sft/checkpoints")
    assert "ms-swift was killed" in interrupted(4, signal.SIGKILL)
    assert "the training is not complete (step " in interrupted(8, signal.SIGTERM)
    stopped, put_aside = checkpoints.newest_sound(work, key_of(work))
    assert stopped
    assert put_aside == []
    (beat,) = heartbeat.read(work)
    assert (beat.step, beat.phase) == (stopped.step, "end"), "it was saved where it stopped"

    done = demo.snakemake(*config, "--", target("killed"))
    assert done.returncode == 0, done.stdout
    assert "Resuming from step" in demo.path("logs/demo/killed/train_sft.log").read_text()
    whole, killed = (demo.path(target(name)).parent for name in ("whole", "killed"))
    name = "adapter_model.safetensors"
    assert (whole / name).read_bytes() == (killed / name).read_bytes()
    arguments = demo.json("results/demo/whole/sft/args.json")
    estimate = checkpoint_size.of_one({**arguments, "model": str(demo.path(arguments["model"]))})
    for folder in checkpoints.sealed(whole.parent / "checkpoints"):
        checkpoints.read(folder, key_of(folder.parent))
        assert disk.size(folder) <= estimate
    losses = [[row.get("loss") for row in demo.rows(f"{folder}/training_log.jsonl")] for folder in (whole, killed)]
    assert losses[0] == losses[1]


def key_of(work: Path) -> str:
    """Hash of the run key of a training."""
    key = runkey.read(work)
    assert key
    return key.hash


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
