"""status.py over folders in every state, whole and damaged."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import psutil
import pytest
from data_commands import SCRIPTS, command
from project import processor_seconds
from small_job import small_job

from omnitune import alive, training, work_lease
from omnitune.supervisor import Limits
from omnitune.trainer.heartbeat import QUIET, Heartbeat, Phase


def write(path: Path, value: Any) -> Path:
    """A file with text, bytes or JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, bytes):
        path.write_bytes(value)
    else:
        path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def status(folder: Path, *arguments: str) -> str:
    """What status.py prints; it must not have changed a file."""
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*"))
    done = command("status", *arguments, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*")) == before
    return done.stdout


def table(text: str) -> dict[tuple[str, str], dict[str, str]]:
    """(stage, of) -> cells by column, from the only table."""
    head, *lines = text.partition("\n")[2].partition("\n\n")[0].splitlines()
    columns = re.split(r"  +", head)
    rows = (dict(zip(columns, re.split(r"  +", line), strict=True)) for line in lines)
    return {(row["stage"], row["of"]): row for row in rows}


@pytest.fixture
def process() -> psutil.Process:
    """A process that lives as long as the test."""
    child = subprocess.Popen(["sleep", "600"])
    yield psutil.Process(child.pid)
    child.kill()
    child.wait()


def note(process: psutil.Process, **more: Any) -> dict[str, Any]:
    """What a running command leaves."""
    born = process.create_time()
    return {"pid": process.pid, "born": born, "host": os.uname().nodename, "begun": born, **more}


def step(number: int, loss: Any = 1.5, left: str = "3m 12s") -> str:
    """A line of ms-swift's log."""
    return json.dumps({"loss": loss, "global_step/max_steps": f"{number}/180", "remaining_time": left}) + "\n"


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    assert status(tmp_path) == "Nothing has run here yet. What snakemake would do: make plan\n"


def test_a_running_training(tmp_path: Path, process: psutil.Process) -> None:
    steps = tmp_path / "results/r/main/sft/checkpoints/logging.jsonl"
    write(steps, step(39) + json.dumps({"eval_loss": 2, "global_step/max_steps": "40/180"}) + "\n" + step(40)
          + '{"loss": 0.9, "global_step/max_st')  # fmt: skip
    write(
        tmp_path / "logs/r/main/train_sft.swift.running.json",
        note(process, log="logs/r/main/train_sft.swift.log", steps=str(steps)),
    )
    row = table(status(tmp_path))["sft", "main"]
    assert (row["state"], row["progress"], row["loss"], row["left"]) == (
        "running", "40/180 steps", "1.5", "3m 12s",
    )  # fmt: skip
    assert row["process"] == str(process.pid)
    assert int(row["last sign"].split()[0]) < 60


def test_a_training_with_heartbeats_speed_gpus_and_a_sealed_checkpoint(
    tmp_path: Path, process: psutil.Process
) -> None:
    work = tmp_path / "results/r/main/sft/checkpoints"
    line = json.loads(step(40)) | {"train_speed(s/it)": 4.125}
    steps = write(work / "logging.jsonl", json.dumps(line) + "\n")
    Heartbeat(work, 0).beat("train", 43, 180)
    write(work / "checkpoint-30/SEAL.json", {})
    write(work / "checkpoint-40/adapter_model.safetensors", b"")
    running = note(process, steps=str(steps), gpus="0,3", limits={"first_step": 1800, "stall": 600})
    write(tmp_path / "logs/r/main/train_sft.swift.running.json", running)
    row = table(status(tmp_path))["sft", "main"]
    assert row["progress"] == "43/180 steps"
    assert (row["speed"], row["saved"], row["gpus"]) == ("4.125 s/it", "30", "0,3")


@pytest.mark.parametrize(
    ("steps", "silent", "told"),
    [
        ("", 700, ""),
        ("", 1000, "no sign of progress for 16 min. After 30 min its watchdog ends it."),
        (step(40), 200, ""),
        (step(40), 400, "no sign of progress for 6 min. After 10 min its watchdog ends it."),
        (
            step(40),
            900,
            "no sign of progress for 15 min, and its watchdog has not ended it. Look after process {}.",
        ),
    ],
)
@pytest.mark.parametrize("host", [os.uname().nodename, "node7"])
def test_a_training_that_is_silent_is_told_to_be_stalled(
    tmp_path: Path, process: psutil.Process, steps: str, silent: float, told: str, host: str
) -> None:
    log = write(tmp_path / "results/r/main/sft/checkpoints/logging.jsonl", steps)
    limits = {"first_step": 1800, "stall": 600}
    running = note(process, steps=str(log), limits=limits, log="none") | {"host": host, "begun": 0}
    path = write(tmp_path / "logs/r/main/train_sft.swift.running.json", running)
    for file in (log, path):
        os.utime(file, (time.time() - silent,) * 2)
    text = status(tmp_path)
    assert table(text)["sft", "main"]["state"] == ("stalled" if told else "running")
    assert (f"sft main is stalled: {told.format(f'{process.pid} on {host}')}\n" in text) is bool(told)


def test_output_of_a_training_that_beats_is_no_sign_of_life(tmp_path: Path, process: psutil.Process) -> None:
    work = tmp_path / "results/r/main/sft/checkpoints"
    log = write(tmp_path / "logs/r/main/train_sft.swift.log", "warning\n")
    steps = write(work / "logging.jsonl", step(40))
    running = note(process, steps=str(steps), limits={"first_step": 1800, "stall": 600}, log=str(log))
    path = write(tmp_path / "logs/r/main/train_sft.swift.running.json", running | {"begun": 0})
    for phase, state in (("train", "stalled"), ("rollout", "running")):
        Heartbeat(work, 0).beat(phase, 40, 180)
        for file in (steps, path, work / "heartbeat/0.json"):
            os.utime(file, (time.time() - 400,) * 2)
        assert table(status(tmp_path))["sft", "main"]["state"] == state


@pytest.mark.parametrize("phase", get_args(Phase))
def test_a_phase_without_beats_is_given_the_time_that_its_watchdog_gives(
    tmp_path: Path, process: psutil.Process, phase: Phase
) -> None:
    """A save of all weights to a file server, or a long rollout, says nothing for minutes."""
    work = tmp_path / "results/r/main/sft/checkpoints"
    steps = write(work / "logging.jsonl", step(40))
    running = note(process, steps=str(steps), limits={"first_step": 1800, "stall": 600, "grace": 90}, log="none")
    path = write(tmp_path / "logs/r/main/train_sft.swift.running.json", running | {"begun": 0})
    Heartbeat(work, 0).beat(phase, 40, 180)
    for silent, state in ((700, "running" if phase in QUIET else "stalled"), (1000, "stalled")):
        for file in (steps, path, work / "heartbeat/0.json"):
            os.utime(file, (time.time() - silent,) * 2)
        assert table(status(tmp_path))["sft", "main"]["state"] == state


def test_what_follows_the_trainer_has_no_watchdog_and_no_gpu(
    fake_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof and the publishing of all weights take minutes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(work_lease, "BEAT_SECONDS", 600)  # a file that changes, whatever status.py does
    job = replace(small_job(fake_python), log=Path("logs/r/main/train_sft.swift.log"), limits=Limits(60, 60, 1))
    found = []

    def publish(*_: object) -> None:
        running = alive.note_of(job.log)
        for file in (running, *tmp_path.rglob("heartbeat/*.json"), job.work / "logging.jsonl", job.log):
            os.utime(file, (time.time() - 70,) * 2)
        found.append((alive.read(running), table(status(tmp_path))["sft", "main"]))

    monkeypatch.setattr(training.trained_model, "publish", publish)
    with alive.noted(job.log, steps=job.work / "logging.jsonl"):
        training.train(job)
    ((told, row),) = found
    assert (row["state"], row["gpus"], told["limits"]) == ("running", "-", None)


def test_without_a_terminal_watching_prints_one_table_after_another(tmp_path: Path) -> None:
    write(tmp_path / "results/r/report.html", "")
    watching = subprocess.Popen(
        [sys.executable, SCRIPTS / "status.py", "--watch"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert watching.stdout
    lines = [watching.stdout.readline() for _ in range(3)]
    watching.send_signal(signal.SIGINT)
    watching.stdout.read()
    assert watching.wait(timeout=30) == 0
    assert re.fullmatch(r"\d\d:\d\d:\d\d\n", lines[0])
    assert lines[1] == "Run r\n"


def test_in_a_terminal_the_table_is_drawn_anew(tmp_path: Path, process: psutil.Process) -> None:
    steps = write(tmp_path / "results/r/main/sft/checkpoints/logging.jsonl", step(40))
    write(tmp_path / "logs/r/main/train_sft.swift.running.json", note(process, steps=str(steps)))
    write(tmp_path / "logs/r/split_rows.log", "error: [bold]two[/bold] things\n")
    mine, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    watching = subprocess.Popen(
        [sys.executable, SCRIPTS / "status.py", "--watch"], cwd=tmp_path, stdout=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "40"},
    )  # fmt: skip
    os.close(terminal)
    shown = drawn(mine, "40/180 steps")
    assert "split failed: [bold]two[/bold] things" in shown
    write(steps, step(41))
    drawn(mine, "41/180 steps")
    watching.send_signal(signal.SIGINT)
    assert watching.wait(timeout=30) == 0
    os.close(mine)


def drawn(terminal: int, text: str) -> str:
    """What a terminal shows until the text comes."""
    shown, end = "", time.monotonic() + 60
    while text not in shown:
        assert time.monotonic() < end, shown
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65536).decode(errors="replace")
    return shown


def test_a_resumed_training_does_not_show_the_earlier_attempts_step(
    tmp_path: Path, process: psutil.Process
) -> None:
    steps = write(tmp_path / "logging.jsonl", step(40))
    os.utime(steps, (0, 0))
    write(tmp_path / "logs/r/main/train_sft.swift.running.json", note(process, steps=str(steps)))
    assert table(status(tmp_path))["sft", "main"]["progress"] == "starts (was at 40/180)"


def test_running_inference_counts_answers_of_rows(tmp_path: Path, process: psutil.Process) -> None:
    rows = write(tmp_path / "test.jsonl", "{}\n" * 8)
    answers = write(tmp_path / "raw.jsonl", "{}\n" * 3 + '{"torn')
    running = note(process, answers=str(answers), rows=str(rows))
    write(tmp_path / "logs/r/base/infer.swift.running.json", running)
    write(tmp_path / "logs/r/main/infer.merge.swift.running.json", running | {"answers": "none"})
    found = table(status(tmp_path))
    assert found["infer", "base"]["progress"] == "3/8 answers"
    assert found["infer.merge", "main"]["progress"] == "0/8 answers"


def test_a_killed_command_and_one_on_another_machine(tmp_path: Path, process: psutil.Process) -> None:
    dead = note(process) | {"born": process.create_time() - 50}
    write(tmp_path / "logs/r/a/train_sft.swift.running.json", dead)
    write(tmp_path / "logs/r/b/train_sft.swift.running.json", note(process) | {"host": "node7"})
    text = status(tmp_path)
    found = table(text)
    assert (found["sft", "a"]["state"], found["sft", "a"]["process"]) == ("killed", "gone")
    assert (found["sft", "b"]["state"], found["sft", "b"]["process"]) == ("running", f"{process.pid} on node7")
    assert "sft a was killed: its process is gone. The same snakemake command goes on with it." in text


def test_failures_are_told_with_their_remedy(tmp_path: Path) -> None:
    write(
        tmp_path / "logs/r/main/train_sft.swift.verdict.json",
        {"code": 76, "what": "CUDA out of memory", "where": "x.log", "fix": "Lower sft.micro_batch."},
    )
    write(tmp_path / "logs/r/main/train_sft.log", "step 1\nerror: x.log: CUDA out of memory.\n")
    write(tmp_path / "logs/r/convert_source/clips.0.log", "error: data/a.jsonl: the file is empty. Mend it.\n")
    write(tmp_path / "logs/r/split_rows.log", "warning: small\nerror: two things\n       and another\n")
    write(tmp_path / "logs/r/write_report.log", "error: was only a line of the log\nwent on\n")
    text = status(tmp_path)
    assert {place: row["state"] for place, row in table(text).items()} == {
        ("sft", "main"): "failed",
        ("convert", "clips.0"): "failed",
        ("split", "-"): "failed",
    }
    assert "sft main failed: x.log: CUDA out of memory. Lower sft.micro_batch.\n" in text
    assert "convert clips.0 failed: data/a.jsonl: the file is empty. Mend it.\n" in text
    assert "split failed: two things\n       and another\n" in text


def test_a_split_that_refuses_its_rows_is_told_as_it_was(tmp_path: Path) -> None:
    sources = []
    for name in ("clips", "talks"):
        rows = [
            {"source": name, "line": n, "id": f"{name}/{n}", "verdict": "rejected", "codes": [f"E0{40 + n % 4}"]}
            | {"message": f"data/{name}.jsonl:{n}: {'long ' * 200}"}
            for n in range(9)
        ]
        ledger = write(tmp_path / f"{name}.ledger.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        valid = write(tmp_path / f"{name}.jsonl", "")
        path = f"data/{name}.jsonl"
        sources.append(
            {"name": name, "use": ["sft"], "path": path, "valid": [str(valid)], "ledger": [str(ledger)]}
        )
    done = command("split", "--sources", json.dumps(sources), "--root", ".", "--output", "out", cwd=tmp_path)
    assert done.returncode == 65
    assert "\n" in done.stderr.rstrip()
    write(tmp_path / "logs/r/split_rows.log", done.stderr)
    assert f"split failed: {done.stderr.removeprefix('error: ')}" in status(tmp_path)
    assert "Mend the rows (the ledger lists them all)" in done.stderr


def test_stages_stand_in_the_order_of_the_pipeline(tmp_path: Path) -> None:
    files = [
        *("report.html", "main/score/metrics.json", "main/infer/merge.jsonl", "main/infer/sft.jsonl"),
        "base/infer.jsonl",
        *("main/merge/model/manifest.json", "main/grpo/model/manifest.json", "main/sft/model/manifest.json"),
        *("split/manifest.json", "validate/b/0.jsonl", "validate/a/0.jsonl", "convert/a/0.jsonl"),
        "model/manifest.json",
    ]
    for age, file in enumerate(files):
        path = write(tmp_path / "results/r" / file, "{}")
        os.utime(path, (1000 + age, 1000 + age))
    write(tmp_path / "logs/r/demo_data.log", "error: no room.\n")
    assert list(table(status(tmp_path))) == [
        ("demo", "-"), ("model", "-"), ("convert", "a"), ("validate", "a"), ("validate", "b"), ("split", "-"),
        ("sft", "main"), ("grpo", "main"), ("merge", "main"), ("infer", "base"), ("infer.sft", "main"),
        ("infer.merge", "main"), ("score", "main"), ("report", "-"),
    ]  # fmt: skip


def test_what_is_finished(tmp_path: Path) -> None:
    run = tmp_path / "results/r"
    for shard in range(3):
        write(run / f"convert/clips/{shard}.jsonl", "")
        write(run / f"validate/clips/{shard}.ledger.jsonl", "")
    write(run / "model/manifest.json", {})
    write(run / "main/sft/model/manifest.json", {"global_step": 18, "max_steps": 18, "train_loss": 0.38827})
    write(run / "main/grpo/model/manifest.json", {})  # a stage that this command has never heard of
    write(run / "base/infer.jsonl", "")
    write(run / "main/infer/merge.jsonl", "")
    write(run / "main/score/metrics.json", "{}")
    write(run / "report.html", "")
    found = table(status(tmp_path))
    assert set(found) == {
        ("convert", "clips"), ("model", "-"), ("sft", "main"), ("grpo", "main"), ("infer", "base"),
        ("infer.merge", "main"), ("score", "main"), ("report", "-"),
    }  # fmt: skip
    assert {row["state"] for row in found.values()} == {"done"}
    assert found["convert", "clips"]["progress"] == "3 shards"
    assert (found["sft", "main"]["progress"], found["sft", "main"]["loss"]) == ("18/18 steps", "0.3883")


def test_work_on_a_finished_stage_is_told_first(tmp_path: Path, process: psutil.Process) -> None:
    write(tmp_path / "results/r/main/sft/model/manifest.json", {})
    write(tmp_path / "logs/r/main/train_sft.swift.verdict.json", {"what": "old"})
    assert table(status(tmp_path))["sft", "main"]["state"] == "failed"
    write(tmp_path / "logs/r/main/train_sft.swift.running.json", note(process))
    text = status(tmp_path)
    assert table(text)["sft", "main"]["state"] == "running"
    assert "failed:" not in text


def test_one_run_of_several(tmp_path: Path) -> None:
    for run in ("one", "two"):
        write(tmp_path / f"results/{run}/report.html", "")
    assert status(tmp_path).count("Run ") == 2
    assert status(tmp_path, "--run", "two").startswith("Run two\n")
    done = command("status", "--run", "tow", cwd=tmp_path)
    assert done.returncode == 78
    assert done.stderr == "error: RUN: there is no run 'tow'. Did you mean two? Runs here: one, two.\n"


def test_rubbish_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "results/a file", "x")
    write(tmp_path / "results/Odd Name/report.html", "")
    write(tmp_path / "results/r/main/sft/model/manifest.json", b"\xff{")
    write(tmp_path / "results/r/main/infer/merge.jsonl/odd", "a folder where a file should be")
    write(tmp_path / "results/r/model/manifest.json", "[]")
    for name, value in {
        "a": b"",
        "b": "{}",
        "c": {"pid": 1, "host": 5, "steps": 7, "begun": "x"},
        "d": {"steps": "/nowhere/\0", "answers": [], "log": "\0"},
        "e": {"steps": str(tmp_path)},
        "f": {"steps": str(write(tmp_path / "odd.jsonl", '[1]\n{"loss": "x", "global_step/max_steps": 5}\n{"a'))},
    }.items():
        write(tmp_path / f"logs/r/{name}/train_sft.swift.running.json", value)
        write(tmp_path / f"logs/r/{name}/infer.swift.verdict.json", value)
    (tmp_path / "logs/r/loop").symlink_to(tmp_path / "logs")
    (tmp_path / "logs/r/gone.log").symlink_to(tmp_path / "nothing")
    text = status(tmp_path)
    assert "Traceback" not in text
    assert table(text.partition("\n\n")[2])["model", "-"]["state"] == "done"


def test_thousands_of_shards_take_no_time(tmp_path: Path) -> None:
    for shard in range(3000):
        write(tmp_path / f"results/r/convert/s/{shard}.jsonl", "")
        write(tmp_path / f"logs/r/convert_source/s.{shard}.log", "fine\n")
    begun = processor_seconds()
    assert table(status(tmp_path))["convert", "s"]["progress"] == "3000 shards"
    assert processor_seconds() - begun < 10
