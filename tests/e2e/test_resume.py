"""A real trainer, killed and stopped while it trains; repeated, it gives the same adapter, bit for bit."""

import json
import signal

from demo_run import CONFIG, Demo
from interrupting import ONCE, interrupted, key_of, losses

from omnitune import checkpoint_size, checkpoints, disk
from omnitune.trainer import heartbeat

# A logged loss is the mean since the line before; a resumed trainer has forgotten the steps before its checkpoint.
SHORT = {"sft": {"epochs": 0.3, "save_steps": 4, "eval_steps": 8, "logging_steps": 1}}


def test_killed_stopped_and_repeated_equals_never_interrupted(demo: Demo) -> None:
    demo.path("config/short.yaml").write_text(
        json.dumps(ONCE | {"experiments": {"whole": SHORT, "killed": SHORT}})
    )
    config = (*CONFIG, "config/short.yaml")

    def target(name: str) -> str:
        return f"results/demo/{name}/sft/model/manifest.json"

    done = demo.snakemake(*config, "--", target("whole"))
    assert done.returncode == 0, done.stdout

    argv = demo.argv(*config, "--", target("killed"))
    work = demo.path("results/demo/killed/sft/checkpoints")
    assert "ms-swift was killed" in interrupted(demo, argv, work, signal.SIGKILL, "checkpoint-4/SEAL.json")
    told = interrupted(demo, argv, work, signal.SIGTERM, "checkpoint-8/SEAL.json")
    assert "it was asked to stop, by a file or a signal to a process of it, and has (step " in told
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
    assert losses(demo, str(whole)) == losses(demo, str(killed))
