"""A training stage with a fake trainer: published, resumed, refused, started afresh."""

import json
import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ports import free_ports
from small_job import small_job
from weight_files import floats, write_safetensors

from omnitune import checkpoints, runkey, seals, work_folder, work_lease
from omnitune.errors import PipelineError
from omnitune.rollout_server import Server
from omnitune.training import Job, train


@pytest.fixture
def job(fake_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Eight steps with checkpoints at 3, 6 and 8."""
    monkeypatch.chdir(tmp_path)
    return small_job(fake_python)


def changed(job: Job, **arguments: Any) -> Job:
    return replace(job, arguments={**job.arguments, **arguments})


def fails(job: Job, monkeypatch: pytest.MonkeyPatch, fault: str | None = None) -> PipelineError:
    if fault:
        monkeypatch.setenv("OMNITUNE_FAKE", fault)
    with pytest.raises(PipelineError) as failed:
        train(job)
    monkeypatch.delenv("OMNITUNE_FAKE", raising=False)
    assert not job.output.exists()
    return failed.value


def started() -> list[str]:
    """argv of the trainer that ran last; none ran since when it is empty."""
    path = Path("sft/checkpoints/argv.json")
    argv = json.loads(path.read_bytes()) if path.exists() else []
    path.unlink(missing_ok=True)
    return argv


def adapter(job: Job) -> bytes:
    return (job.output / "adapter_model.safetensors").read_bytes()


def test_its_server_may_take_as_long_to_start_as_the_config_gives_a_first_step(job: Job, monkeypatch):
    monkeypatch.setattr("omnitune.rollout_server.START_SECONDS", 0.2)
    slow = Path("slow/bin/python")
    slow.parent.mkdir(parents=True)
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    Path("rollout.json").write_text('{"ENV": {}}')
    server = Server(Path("rollout.json"), free_ports(), 0, Path("logs/rollout.swift.log"))
    served = replace(job, server=server, python=str(slow), limits=replace(job.limits, first_step=1.2))
    assert "did not answer within 0.02 minutes" in str(fails(served, monkeypatch))


def test_the_model_is_published_with_its_log_and_without_what_only_a_resume_needs(job: Job):
    train(job)
    assert sorted(path.name for path in job.output.iterdir()) == [
        ".published.json",
        "adapter_config.json",
        "adapter_model.safetensors",
        "manifest.json",
        "training_log.jsonl",
    ]
    manifest = json.loads((job.output / "manifest.json").read_bytes())
    assert (manifest["stage"], manifest["global_step"], manifest["max_steps"]) == ("sft", 8, 8)
    assert manifest["train_loss"] == pytest.approx(sum(2 / step for step in range(1, 9)) / 8, abs=1e-5)
    assert (manifest["total_parameters"], manifest["trainable_parameters"]) == (18 + 30, 30)
    assert manifest["base"] == "base"
    assert "target_modules" not in manifest["settings"]
    assert json.loads((job.output / "adapter_config.json").read_bytes())["base_model_name_or_path"] == "base"
    log = [json.loads(line) for line in (job.output / "training_log.jsonl").read_bytes().splitlines()]
    assert [line["loss"] for line in log] == [round(2 / step, 6) for step in range(1, 9)]
    environment = json.loads(Path("sft/checkpoints/environment.json").read_bytes())
    assert environment["FPS_MAX_FRAMES"] == "12"


def test_a_finished_model_is_published_again_without_a_trainer(job: Job):
    train(job)
    before = (job.output / "manifest.json").read_bytes()
    (job.output / "manifest.json").unlink()
    assert started()
    train(job)
    assert not started()
    assert (job.output / "manifest.json").read_bytes() == before


def test_a_lost_model_is_published_from_its_last_checkpoint(job: Job):
    train(job)
    before = adapter(job)
    started()
    shutil.rmtree(job.output)
    train(job)
    assert not started()
    assert adapter(job) == before


def test_a_killed_trainer_goes_on_and_ends_the_same(job: Job, monkeypatch: pytest.MonkeyPatch):
    train(job)
    whole, manifest = adapter(job), (job.output / "manifest.json").read_bytes()
    shutil.rmtree("sft")
    assert fails(job, monkeypatch, "die@7").code == 137
    train(job)
    argv = started()
    assert argv[argv.index("--resume_from_checkpoint") + 1] == "sft/checkpoints/checkpoint-6"
    assert adapter(job) == whole
    assert (job.output / "manifest.json").read_bytes() == manifest


def test_a_torn_checkpoint_is_put_aside_and_the_one_before_resumed(job: Job, monkeypatch, capsys):
    assert fails(job, monkeypatch, "die@adapter_model.safetensors@6").code == 137
    train(job)
    assert "checkpoint-6 is not sound" in capsys.readouterr().out
    assert started()[-1] == "sft/checkpoints/checkpoint-3"
    assert Path("sft/checkpoints/quarantine/checkpoint-6").is_dir()


def test_an_end_before_the_last_step_is_no_success(job: Job, monkeypatch: pytest.MonkeyPatch):
    error = fails(job, monkeypatch, "early")
    assert str(error) == (
        "train.swift.log: ms-swift ended without an error but the training is not complete (step 6 of 8). "
        "Run the same command again: it goes on from there."
    )
    assert (error.code, error.hopeless) == (85, False)
    train(job)
    assert started()[-1] == "sft/checkpoints/checkpoint-6"


def test_no_checkpoint_at_all_is_no_success(job: Job, monkeypatch: pytest.MonkeyPatch):
    error = fails(changed(job, save_steps=100), monkeypatch, "early")
    assert "not complete (no checkpoint)" in error.what


def test_a_loss_that_is_not_finite_is_never_published(job: Job, monkeypatch: pytest.MonkeyPatch):
    error = fails(job, monkeypatch, "nan")
    assert str(error) == (
        "sft/checkpoints: the loss at step 1/8 is nan. "
        "Lower sft.learning_rate or look at the rows; nothing was published."
    )
    assert error.code == 77


def test_weights_that_are_not_finite_are_never_published(job: Job, monkeypatch: pytest.MonkeyPatch):
    """ms-swift logs a loss of 0.0 where it was NaN: only the weights tell."""
    train(job)
    shutil.rmtree(job.output)
    last = Path("sft/checkpoints/checkpoint-8/adapter_model.safetensors")
    last.unlink()  # it was one file with the published one
    write_safetensors(last, {"a": floats(1), "b": floats(0, float("inf"))})
    fingerprint = seals.read(last.parent).fingerprint
    seals.write(last.parent, step=8, max_steps=8, world_size=1, fingerprint=fingerprint)
    error = fails(job, monkeypatch)
    assert error.what == "b in adapter_model.safetensors holds NaN or infinity"
    assert error.code == 77


@pytest.mark.parametrize(("fault", "code"), [("fail", 80), ("oom", 76)])
def test_a_failure_keeps_its_code(job: Job, monkeypatch: pytest.MonkeyPatch, fault: str, code: int):
    assert fails(job, monkeypatch, fault).code == code


@pytest.mark.parametrize(("fault", "key"), [("oom", "grpo.micro_batch"), ("nan", "grpo.learning_rate")])
def test_a_remedy_names_the_stage_that_trains(job: Job, monkeypatch: pytest.MonkeyPatch, fault: str, key: str):
    assert fails(replace(job, stage="grpo"), monkeypatch, fault).fix.startswith(f"Lower {key}")


def test_other_settings_start_afresh_and_the_old_checkpoints_come_back_with_the_old_ones(job: Job, capsys):
    train(job)
    first = adapter(job)
    started()
    train(changed(job, learning_rate=0.002))
    told = capsys.readouterr().out
    assert "These settings are not those of the checkpoints here, so training starts afresh:" in told
    assert "  argument learning_rate: 0.001 -> 0.002\n" in told
    assert "--resume_from_checkpoint" not in started()
    assert adapter(job) != first
    train(job)
    assert not started(), "the earlier checkpoints were kept"
    assert adapter(job) == first


def test_one_earlier_run_is_kept_not_all(job: Job):
    for rate in (0.001, 0.002, 0.003):
        train(changed(job, learning_rate=rate))
    assert len(list(Path("sft").glob("checkpoints*"))) == 2


def test_changed_data_start_afresh(job: Job, capsys: pytest.CaptureFixture[str]):
    train(job)
    Path("data.json").write_text('{"rows": 17}')
    started()
    train(job)
    assert "  input data.json: " in capsys.readouterr().out
    assert "--resume_from_checkpoint" not in started()


@pytest.mark.parametrize("cached", [False, True])
def test_a_medium_that_is_gone_is_told_before_a_trainer_starts(job: Job, monkeypatch, cached: bool):
    Path("train.jsonl").write_text('{"id": "a/1", "images": ["gone.png"]}\n')
    if cached:  # of a training by length the arguments name a folder, and only the inputs its rows
        arguments = {name: value for name, value in job.arguments.items() if name != "dataset"}
        arguments["cached_dataset"] = ["cached/train"]
        job = replace(job, arguments=arguments, inputs=[Path("train.jsonl")])
    error = fails(job, monkeypatch)
    assert str(error).startswith("train.jsonl (id a/1): its file gone.png is gone.")
    assert not Path("sft/checkpoints/argv.json").exists()


def test_a_damaged_run_key_costs_nothing_since_seals_name_the_run(job: Job, monkeypatch: pytest.MonkeyPatch):
    fails(job, monkeypatch, "die@4")
    key = Path("sft/checkpoints/runkey.json")
    whole = key.read_bytes()
    key.write_bytes(whole.replace(b"0.001", b"0.005"))
    train(job)
    assert started()[-1] == "sft/checkpoints/checkpoint-3"
    assert key.read_bytes() == whole


def test_checkpoints_of_nobody_knows_what_are_put_aside(job: Job, monkeypatch: pytest.MonkeyPatch):
    fails(job, monkeypatch, "die@4")
    Path("sft/checkpoints/runkey.json").unlink()
    Path("sft/checkpoints/checkpoint-3/SEAL.json").unlink()
    train(job)
    assert "--resume_from_checkpoint" not in started()
    assert Path("sft/checkpoints-unknown/checkpoint-3").is_dir()


def test_a_checkpoint_of_another_training_is_put_aside(job: Job, monkeypatch: pytest.MonkeyPatch, capsys):
    train(changed(job, learning_rate=0.002))
    fails(job := replace(job, output=Path("sft/other")), monkeypatch, "die@4")
    (aside,) = Path("sft").glob("checkpoints-????????")
    shutil.copytree(aside / "checkpoint-6", "sft/checkpoints/checkpoint-6")
    train(job)
    assert "checkpoint-6 is not sound (it is of a training with other settings)" in capsys.readouterr().out
    assert started()[-1] == "sft/checkpoints/checkpoint-3"


@pytest.mark.parametrize("point", ["seal@6", "rename@6"])
def test_a_checkpoint_that_was_not_sealed_any_more_is_not_trusted(job: Job, monkeypatch, capsys, point: str):
    assert fails(job, monkeypatch, f"die@{point}").code == 137
    assert Path("sft/checkpoints/checkpoint-6/trainer_state.json").is_file(), "it is whole"
    train(job)
    assert "checkpoint-6 is not sound (it was not sealed)" in capsys.readouterr().out
    assert started()[-1] == "sft/checkpoints/checkpoint-3"


@pytest.mark.parametrize("point", ["rotate", "trash"])
def test_a_kill_while_old_checkpoints_go_leaves_the_newest(job: Job, monkeypatch: pytest.MonkeyPatch, point: str):
    job = changed(job, save_steps=1, save_total_limit=2)
    assert fails(job, monkeypatch, f"die@{point}").code == 137
    train(job)
    assert started()[-1] == "sft/checkpoints/checkpoint-3"
    left = {path.name for path in Path("sft/checkpoints").iterdir() if "checkpoint" in path.name}
    assert left == {"checkpoint-7", "checkpoint-8"}


def test_a_run_that_was_stopped_is_not_complete_and_goes_on_from_where_it_was(job: Job, monkeypatch):
    train(job)
    whole = adapter(job)
    shutil.rmtree("sft")

    def stop_at_the_second_step() -> None:
        log = Path("sft/checkpoints/logging.jsonl")
        while not (log.exists() and log.read_bytes().count(b"\n") >= 2):
            time.sleep(0.01)
        Path("sft/checkpoints/stop").touch()

    asks = threading.Thread(target=stop_at_the_second_step)
    asks.start()
    error = fails(job, monkeypatch, "slow@1")
    asks.join()
    assert (error.code, error.hopeless) == (85, True)
    assert error.what.startswith("it was asked to stop, by a file or a signal to a process of it, and has (step ")
    assert not Path("sft/checkpoints/stop").exists()
    (last,) = checkpoints.sealed(job.work)
    train(job)
    assert started()[-1] == str(last)
    assert adapter(job) == whole


def remedies_of(job: Job) -> list[str]:
    return json.loads((job.output / "manifest.json").read_bytes())["remedies"]


def test_out_of_memory_ends_a_training_that_does_not_ask_for_more(job: Job, monkeypatch: pytest.MonkeyPatch):
    error = fails(job, monkeypatch, "oom@1")
    assert error.code == 76
    assert not Path("sft/checkpoints/remedies.json").exists()


def test_out_of_memory_makes_the_passes_smaller_and_the_step_the_same(job: Job, monkeypatch, capsys):
    job = replace(changed(job, per_device_train_batch_size=4, gradient_checkpointing="false"), on_oom="shrink")
    train(job)
    whole = adapter(job)
    shutil.rmtree("sft")
    assert fails(job, monkeypatch, "die@3").code == 137
    monkeypatch.setenv("OMNITUNE_FAKE", "oom@0")
    train(job)
    monkeypatch.delenv("OMNITUNE_FAKE")
    assert capsys.readouterr().out.count("Trying again: out of GPU memory: ") == 3
    assert remedies_of(job)[0] == (
        "out of GPU memory: per_device_train_batch_size 4 -> 2, gradient_accumulation_steps 1 -> 2; "
        "the effective batch stays the same"
    )
    assert "gradient_checkpointing false -> true" in remedies_of(job)[2]
    assert adapter(job) == whole
    argv = started()
    assert argv[-1] == "sft/checkpoints/checkpoint-3"
    assert argv[argv.index("--per_device_train_batch_size") + 1] == "1"

    shutil.rmtree(job.output)
    shutil.rmtree(last_of(job))
    train(job)
    argv = started()
    assert argv[argv.index("--gradient_accumulation_steps") + 1] == "4", "a later start begins with what was found"


def last_of(job: Job) -> Path:
    return checkpoints.sealed(job.work)[-1]


def test_when_nothing_smaller_is_left_the_memory_is_told(job: Job, monkeypatch: pytest.MonkeyPatch):
    error = fails(replace(job, on_oom="shrink"), monkeypatch, "oom")
    assert error.code == 76


def test_a_loss_that_is_not_finite_ends_the_training_at_once(job: Job, monkeypatch: pytest.MonkeyPatch):
    error = fails(job, monkeypatch, "nan@5")
    assert error.code == 77
    assert error.what == "omnitune.trainer.finite.NotFiniteError: the loss at step 5 is nan"
    assert last_of(job).name == "checkpoint-3"


def test_a_loss_that_was_not_finite_once_is_got_past(job: Job, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMNITUNE_FAKE", "glitch@5")
    train(replace(job, on_not_finite="retry"))
    assert started()[-1] == "sft/checkpoints/checkpoint-3"
    (told,) = remedies_of(job)
    assert told.endswith("the loss at step 5 is nan: went on from the last checkpoint before it")


def test_a_loss_that_is_not_finite_at_the_same_step_again_is_refused(job: Job, monkeypatch, capsys):
    error = fails(replace(job, on_not_finite="retry"), monkeypatch, "nan@5")
    assert error.code == 77
    assert capsys.readouterr().out.count("Trying again") == 1


def evaluated(job: Job) -> Job:
    Path("val.jsonl").write_text("{}\n")
    return changed(job, val_dataset=["val.jsonl"], eval_steps=1, save_steps=1, save_total_limit=2)


def test_the_best_checkpoint_is_kept_and_published(job: Job):
    job = replace(evaluated(job), publish="best")
    train(job)
    manifest = json.loads((job.output / "manifest.json").read_bytes())
    assert (manifest["global_step"], manifest["max_steps"]) == (5, 8)
    assert manifest["eval_loss"] == pytest.approx(4 / 3)
    assert adapter(job) == (job.work / "checkpoint-5/adapter_model.safetensors").read_bytes()
    assert [path.name for path in checkpoints.sealed(job.work)] == ["checkpoint-5", "checkpoint-7", "checkpoint-8"]


def test_another_choice_of_the_checkpoint_is_another_model_without_another_training(job: Job):
    job = evaluated(job)
    train(job)
    last = adapter(job)
    started()
    train(replace(job, publish="best"))
    assert adapter(job) != last
    train(job)
    assert adapter(job) == last
    assert not started()


def test_a_damaged_best_checkpoint_leaves_the_next_best(job: Job, capsys: pytest.CaptureFixture[str]):
    job = replace(evaluated(job), publish="best")
    train(job)
    shutil.rmtree(job.output)
    (job.work / "checkpoint-5/adapter_config.json").write_text("{}")
    train(job)
    assert "checkpoint-5 is not sound (adapter_config.json has 2 bytes of " in capsys.readouterr().out
    assert json.loads((job.output / "manifest.json").read_bytes())["global_step"] == 7


def test_every_byte_is_looked_at_once_when_the_best_is_the_last(job: Job, monkeypatch: pytest.MonkeyPatch):
    """Of a large model a look takes minutes."""
    looks = []
    verify = seals.verify
    monkeypatch.setattr(seals, "verify", lambda folder: looks.append(folder.name) or verify(folder))
    job = replace(evaluated(job), publish="best")
    train(changed(job, eval_steps=8))
    assert looks == ["checkpoint-8"]


def test_a_disk_that_is_too_small_is_told_before_a_trainer_starts(job: Job, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1_500_000))
    error = fails(job, monkeypatch)
    assert str(error) == (
        "sft/checkpoints: its checkpoints need 256 MB and 2 MB are free. Free space there, then run again."
    )
    assert error.code == 74
    assert not started()


def test_what_was_put_aside_is_named_when_the_disk_is_too_small(job: Job, monkeypatch: pytest.MonkeyPatch):
    for folder, size in (
        ("quarantine/checkpoint-3", 3_000_000),
        ("../checkpoints-0123abcd/checkpoint-8", 7_000_000),
    ):
        piece = job.work / folder / "optimizer.pt"
        piece.parent.mkdir(parents=True)
        piece.write_bytes(bytes(size))
    (job.work.parent / "checkpoints-unknown").mkdir()  # an empty one frees nothing
    monkeypatch.setattr(work_folder, "choose", lambda work, key: None)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1_500_000))
    assert fails(job, monkeypatch).fix == (
        "Free space there, then run again. What could go: sft/checkpoints/quarantine (3 MB), "
        "sft/checkpoints-0123abcd (7 MB)."
    )


def test_a_second_trainer_in_the_folder_is_refused(job: Job, monkeypatch: pytest.MonkeyPatch):
    with work_lease.held(job.work):
        error = fails(job, monkeypatch)
    assert error.what.startswith(f"another process writes here (pid {os.getpid()} on ")
    assert error.code == 75
    assert not Path("sft/checkpoints").exists()
    train(job)


def test_the_work_begins_with_the_run_key_and_may_be_refused(job: Job):
    def refuse(key: str) -> None:
        raise PipelineError(key)

    with pytest.raises(PipelineError) as failed:
        train(job, refuse)
    assert not Path("sft/checkpoints").exists()
    train(job)
    assert failed.value.what == runkey.read(job.work).hash
    train(job, refuse)  # a finished model is published again: there is nothing to begin
