"""unlock.py: who is at work is left alone."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from children import wait_for
from data_commands import command

from omnitune.environments import ROOT

CONFIG = ROOT / "config/config.yaml"


@pytest.fixture
def snakemake(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that looks like one, in that folder."""
    script = tmp_path / "bin" / "snakemake"
    script.parent.mkdir()
    script.write_text("import time\ntime.sleep(600)\n")
    process = subprocess.Popen([sys.executable, script, "--cores", "2"], cwd=tmp_path)
    wait_for(lambda: psutil.Process(process.pid).cmdline()[1:2] == [str(script)])
    yield process
    process.kill()
    process.wait()


def test_a_living_snakemake_keeps_its_lock(tmp_path: Path, snakemake: "subprocess.Popen[bytes]") -> None:
    done = command("unlock", "--config", CONFIG, cwd=tmp_path)
    assert done.returncode == 75
    who = f"snakemake (pid {snakemake.pid})"
    assert done.stderr.startswith(f"error: {tmp_path}: {who} is at work here. Wait for it or end it")
    (tmp_path / "elsewhere").mkdir()
    done = command("unlock", "--config", "my.yaml", cwd=tmp_path / "elsewhere")
    assert done.returncode == 78, "nobody is at work there"
    assert done.stderr == "error: my.yaml: there is no such file. Name the run's: make unlock CONFIG=file.yaml\n"


def note(folder: Path, **told: object) -> None:
    path = folder / "logs/r/main/train_sft.swift.running.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    me = psutil.Process()
    path.write_text(json.dumps({"pid": me.pid, "born": me.create_time(), "host": os.uname().nodename, **told}))


def test_a_job_at_work_keeps_the_lock(tmp_path: Path) -> None:
    note(tmp_path)
    done = command("unlock", "--config", CONFIG, cwd=tmp_path)
    assert done.returncode == 75
    assert f"sft of r (pid {os.getpid()}, last sign of life " in done.stderr
    note(tmp_path, born=1.0)  # it was killed
    assert command("unlock", "--config", CONFIG, cwd=tmp_path).returncode != 75


def test_a_job_on_another_machine_counts_as_long_as_it_gives_signs(tmp_path: Path) -> None:
    note(tmp_path, host="node7")
    done = command("unlock", "--config", CONFIG, cwd=tmp_path)
    assert done.returncode == 75
    assert "on node7" in done.stderr
    path = tmp_path / "logs/r/main/train_sft.swift.running.json"
    os.utime(path, (time.time() - 3600,) * 2)
    assert command("unlock", "--config", CONFIG, cwd=tmp_path).returncode != 75
