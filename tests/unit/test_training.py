"""A training stage with a fake trainer: published, resumed, refused, started afresh."""

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from weight_files import floats, write_safetensors

from omnitune import runkey, training, work_lease
from omnitune.errors import PipelineError
from omnitune.training import Job, train

FAKES = Path(__file__).parents[1] / "fakes"
MODULE = "thinker.model.layers.0.self_attn.q_proj"


@pytest.fixture(scope="session")
def fake_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter for which `-m swift.cli.sft` is the fake."""
    python = tmp_path_factory.mktemp("fake") / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexport PYTHONPATH="{FAKES}"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return str(python)


@pytest.fixture
def job(fake_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Eight steps with checkpoints at 3, 6 and 8."""
    monkeypatch.chdir(tmp_path)
    weight = {f"{MODULE}.weight": ("F32", [2, 3], bytes(24))}
    write_safetensors(Path("base/model.safetensors"), weight)
    Path("train.jsonl").write_text("{}\n" * 16)
    Path("data.json").write_text("{}")
    arguments: dict[str, Any] = {
        "model": "base",
        "output_dir": "sft/checkpoints",
        "tuner_type": "lora",
        "dataset": ["train.jsonl"],
        "target_modules": [MODULE],
        "lora_rank": 2,
        "lora_alpha": 4,
        "learning_rate": 0.001,
        "num_train_epochs": 1,
        "save_steps": 3,
        "save_total_limit": 3,
        "logging_steps": 1,
        "seed": 42,
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 1,
        "ENV": {"FPS_MAX_FRAMES": "12"},
    }
    return Job(
        "sft", arguments, [Path("data.json")], Path("sft/model"), Path("train.swift.log"), fake_python, 0, 1
    )


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
    assert (manifest["total_parameters"], manifest["trainable_parameters"]) == (1_010_000, 10_000)
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
    assert fails(job, monkeypatch, "torn@6").code == 137
    train(job)
    assert "checkpoint-6 is not whole" in capsys.readouterr().out
    assert started()[-1] == "sft/checkpoints/checkpoint-3"
    assert Path("sft/checkpoints/quarantine/checkpoint-6").is_dir()


def test_an_end_before_the_last_step_is_no_success(job: Job, monkeypatch: pytest.MonkeyPatch):
    error = fails(job, monkeypatch, "early")
    assert str(error) == (
        "train.swift.log: ms-swift ended without an error but the training is not complete (step 6 of 8). "
        "Run the same command again: it goes on from there."
    )
    assert error.code == 85
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
    error = fails(job, monkeypatch)
    assert error.what == "b in adapter_model.safetensors holds NaN or infinity"
    assert error.code == 77


@pytest.mark.parametrize(("fault", "code"), [("fail", 80), ("oom", 76)])
def test_a_failure_keeps_its_code(job: Job, monkeypatch: pytest.MonkeyPatch, fault: str, code: int):
    assert fails(job, monkeypatch, fault).code == code


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


def test_checkpoints_of_nobody_knows_what_are_put_aside(job: Job, monkeypatch: pytest.MonkeyPatch):
    fails(job, monkeypatch, "die@4")
    Path("sft/checkpoints/runkey.json").write_text("torn")
    train(job)
    assert "--resume_from_checkpoint" not in started()
    assert Path("sft/checkpoints-unknown/checkpoint-3").is_dir()


def test_a_second_trainer_in_the_folder_is_refused(job: Job, monkeypatch: pytest.MonkeyPatch):
    with work_lease.held(job.work):
        error = fails(job, monkeypatch)
    assert error.what.startswith(f"another process trains here (pid {os.getpid()} on ")
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


def test_the_log_has_each_step_once_with_its_last_record(tmp_path: Path):
    lines = [
        b'{"loss": 3, "global_step/max_steps": "1/9"}',
        b'{"loss": 2, "global_step/max_steps": "2/9"}',
        b'{"eval_loss": 5, "global_step/max_steps": "2/9"}',
        b'{"loss": 1, "global_step/max_steps": "2/9", "again": 1}',
        b'{"train_runtime": 3}',
        b"[1]",
        b'{"loss": 0.5, "global_step/max_steps": "10/9"}',
        b'{"loss": 0.1, "global_st',
    ]
    (tmp_path / "log").write_bytes(b"\n".join(lines))
    found = [record.get("loss", record.get("eval_loss")) for record in training.read_log(tmp_path / "log")]
    assert found == [3, 1, 5, 0.5]
