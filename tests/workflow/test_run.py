"""The whole pipeline with the fake trainer: what appears, what runs again, what a failure leaves."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from children import HURRY
from project import Project, is_quick, processor_seconds

MODEL = "results/small/main/sft/model/manifest.json"


def test_every_artifact_of_the_design_appears(finished: Project) -> None:
    for path in (
        "results/small/model/manifest.json",
        "results/small/convert/sums/0.jsonl",
        "results/small/validate/sums/0.ledger.jsonl",
        "results/small/split/ledger.jsonl",
        "results/small/base/infer.jsonl",
        "results/small/main/sft/args.json",
        MODEL,
        "results/small/main/merge/model/manifest.json",
        "results/small/main/infer/merge.jsonl",
        "results/small/main/score/metrics.json",
        "results/small/report.html",
    ):
        assert finished.path(path).stat().st_size > 0, path


def test_every_row_reaches_the_ledger_and_every_test_row_its_answer(finished: Project) -> None:
    ledger = finished.rows("results/small/split/ledger.jsonl")
    assert [row["line"] for row in ledger] == list(range(1, 101))
    test_ids = [row["id"] for row in finished.rows("results/small/split/test.jsonl")]
    for answers in ("base/infer.jsonl", "main/infer/merge.jsonl"):
        assert [row["id"] for row in finished.rows(f"results/small/{answers}")] == test_ids
    metrics = finished.json("results/small/main/score/metrics.json")
    assert metrics["stages"]["base"]["sums"]["exact_match"] == 0
    tuned = metrics["stages"]["merge"]["sums"]
    assert (tuned["exact_match"], tuned["n"]) == (1.0, len(test_ids))


def test_trainer_got_the_arguments_file_and_a_clean_environment(finished: Project, empty: Project) -> None:
    done = empty.snakemake(MODEL, MAX_PIXELS="1", HF_TOKEN="secret", IMAGE_MAX_TOKEN_NUM="5")
    assert done.returncode == 0, done.stdout
    environment = empty.json("results/small/main/sft/checkpoints/environment.json")
    assert "MAX_PIXELS" not in environment
    assert "HF_TOKEN" not in environment
    assert environment["IMAGE_MAX_TOKEN_NUM"] == "980"
    arguments = empty.json("results/small/main/sft/args.json")
    argv = empty.json("results/small/main/sft/checkpoints/argv.json")
    assert (
        argv[argv.index("--target_modules") + 1 :][: len(arguments["target_modules"])]
        == arguments["target_modules"]
    )
    assert argv[argv.index("--strict") + 1] == "true"


def test_equal_inputs_give_equal_manifests_in_another_folder(finished: Project, empty: Project) -> None:
    done = empty.snakemake()
    assert done.returncode == 0, done.stdout
    for path in (MODEL, "results/small/split/manifest.json", "results/small/main/merge/model/manifest.json"):
        assert empty.path(path).read_bytes() == finished.path(path).read_bytes(), path


def test_second_run_starts_no_job_and_is_quick(finished: Project) -> None:
    begun = processor_seconds()
    done = finished.snakemake()
    assert "Nothing to be done" in done.stdout
    assert is_quick(processor_seconds() - begun)


def test_killed_trainer_goes_on_from_its_last_checkpoint(finished: Project, empty: Project) -> None:
    done = empty.snakemake(MODEL, OMNITUNE_FAKE="die@13")
    assert done.returncode == 1
    assert "was killed" in done.stdout
    assert empty.json("logs/small/main/train_sft.swift.verdict.json")["code"] == 137
    assert not empty.path("results/small/main/sft/model").exists()
    done = empty.snakemake(MODEL)
    assert done.returncode == 0, done.stdout
    assert "Resuming from step 10 of" in empty.path("logs/small/main/train_sft.log").read_text()
    assert empty.path(MODEL).read_bytes() == finished.path(MODEL).read_bytes()
    assert not empty.path("logs/small/main/train_sft.swift.verdict.json").exists()


def test_half_written_checkpoint_is_put_aside(finished: Project, empty: Project) -> None:
    assert empty.snakemake(MODEL, OMNITUNE_FAKE="die@adapter_model.safetensors@10").returncode == 1
    done = empty.snakemake(MODEL)
    assert done.returncode == 0, done.stdout
    log = empty.path("logs/small/main/train_sft.log").read_text()
    assert "checkpoint-10 is not sound" in log
    assert "Resuming from step 5 of" in log
    assert empty.path("results/small/main/sft/checkpoints/quarantine/checkpoint-10").is_dir()
    assert empty.path(MODEL).read_bytes() == finished.path(MODEL).read_bytes()


@pytest.mark.parametrize(
    ("fault", "sentence", "code"),
    [
        ("fail", "RuntimeError: asked to fail", 80),
        ("oom", "Lower sft.micro_batch", 76),
        ("nan", "the loss at step 1/", 77),
        ("nan@7", "NotFiniteError: the loss at step 7 is nan", 77),
        ("early", "ended without an error but the training is not complete", 85),
    ],
)
def test_failed_training_is_told_in_a_sentence_and_publishes_nothing(
    empty: Project, fault: str, sentence: str, code: int
) -> None:
    done = empty.snakemake(MODEL, OMNITUNE_FAKE=fault)
    assert done.returncode == 1
    assert sentence in done.stdout
    assert "error: " in done.stdout
    assert empty.json("logs/small/main/train_sft.swift.verdict.json")["code"] == code
    assert not empty.path("results/small/main/sft/model").exists()


@pytest.mark.parametrize("fault", ["short", "shuffle"])
def test_answers_that_do_not_fit_their_rows_are_not_published(empty: Project, fault: str) -> None:
    done = empty.snakemake("results/small/base/infer.jsonl", OMNITUNE_FAKE=fault)
    assert done.returncode == 1
    assert "Nothing was published" in done.stdout
    assert not empty.path("results/small/base/infer.jsonl").exists()


def trainer_of(project: Project) -> psutil.Process:
    """The running trainer of a project; on a busy machine all that comes before it takes minutes."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or []
            if "swift.cli.sft" in command and _in(process, project.folder):
                return process
        time.sleep(0.1)
    raise AssertionError("no trainer was started")


def _in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder
    except psutil.Error:
        return False


@pytest.mark.parametrize("victim", ["snakemake", "supervisor", "supervisor by SIGTERM"])
def test_no_trainer_is_left_behind(empty: Project, values: dict, victim: str) -> None:
    """A supervisor that is asked to end is not started again; one that was killed would be."""
    empty.write_config({**values, "resources": {"retries": int(victim.endswith("SIGTERM"))}})
    snakemake = subprocess.Popen(
        empty.argv(MODEL),
        cwd=empty.folder,
        env={**os.environ, "OMNITUNE_FAKE": "stall"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    trainer = trainer_of(empty)
    supervisor = trainer.parent()
    if victim == "snakemake":
        snakemake.kill()
    elif victim == "supervisor":
        supervisor.kill()
    else:
        supervisor.send_signal(signal.SIGTERM)
    trainer.wait(timeout=HURRY)
    supervisor.wait(timeout=HURRY)
    snakemake.wait(timeout=HURRY)
    assert snakemake.returncode != 0
    if victim == "snakemake":  # what a user does next
        assert empty.snakemake("--unlock").returncode == 0
    done = empty.snakemake(MODEL)
    assert done.returncode == 0, done.stdout


def test_second_writer_is_refused(empty: Project) -> None:
    first = subprocess.Popen(
        empty.argv(MODEL),
        cwd=empty.folder,
        env={**os.environ, "OMNITUNE_FAKE": "stall"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        trainer = trainer_of(empty)
        done = empty.snakemake(MODEL, "--nolock")
        assert done.returncode == 1
        assert f"another process writes here (pid {trainer.parent().pid} on " in done.stdout
    finally:
        trainer.parent().terminate()
        first.wait(timeout=HURRY)


def test_changed_setting_starts_afresh_and_changing_it_back_costs_nothing(project: Project, values: dict) -> None:
    changed = {**values, "sft": {**values["sft"], "learning_rate": 2e-4}}
    project.write_config(changed)
    assert project.snakemake(MODEL).returncode == 0
    log = project.path("logs/small/main/train_sft.log").read_text()
    assert "argument learning_rate: 0.0001 -> 0.0002" in log
    project.write_config(values)
    assert project.snakemake(MODEL, OMNITUNE_FAKE="fail").returncode == 0  # the trainer is not called
    assert "earlier checkpoints" in project.path("logs/small/main/train_sft.log").read_text()


def test_missing_environment_is_one_sentence(empty: Project, values: dict, tmp_path: Path) -> None:
    empty.write_config({key: value for key, value in values.items() if key != "envs"})
    done = empty.snakemake(OMNITUNE_ENV_DIR=str(tmp_path / "nothing"))
    assert done.returncode == 78, done.stdout
    assert "error: The swift environment is not installed. Run: make setup\n" in done.stdout
    assert "Traceback" not in done.stdout
    assert empty.plan()["train_sft"] == 1  # planning needs no environment
    done = empty.snakemake("data")  # no lock is left behind
    assert "LockException" not in done.stdout


def test_fewer_gpus_than_wanted_are_refused(empty: Project, values: dict) -> None:
    empty.write_config({**values, "device": "cuda", "sft": {**values["sft"], "gpus": 2}})
    done = empty.snakemake(MODEL, "--resources", "gpu=1")
    assert done.returncode == 1
    assert "The job wants 2 GPUs and was granted 1. Start snakemake with --resources gpu=2 or more" in done.stdout
    assert empty.json("logs/small/main/train_sft.swift.verdict.json")["code"] == 78
