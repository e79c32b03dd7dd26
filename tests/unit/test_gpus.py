"""Leases of device numbers, held by real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omnitune import gpus
from omnitune.environments import ROOT
from omnitune.errors import PipelineError

# Holds COUNT devices for SECONDS and writes when and which.
HOLDER = """
import json, sys, time
from omnitune import gpus
with gpus.leased(int(sys.argv[1])) as lease:
    begun = time.time()
    print(json.dumps({"devices": lease.devices, "begun": begun}), flush=True)
    time.sleep(float(sys.argv[2]))
    print(json.dumps({"ended": time.time()}), flush=True)
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with four GPUs that nobody uses."""
    monkeypatch.setenv(gpus.PLACE_VARIABLE, str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    return tmp_path


def hold(count: int, seconds: float) -> "subprocess.Popen[str]":
    """Start a process that leases devices."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(count), str(seconds)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")},
        stdout=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> dict[str, object]:
    """What a holder wrote."""
    output, _ = process.communicate(timeout=60)
    return {key: value for line in output.splitlines() for key, value in json.loads(line).items()}


def first_line(process: "subprocess.Popen[str]") -> dict[str, object]:
    """What a holder writes when it has its devices."""
    assert process.stdout
    return json.loads(process.stdout.readline())


def test_two_jobs_of_two_share_no_device_and_a_third_waits(machine: Path) -> None:
    reports = [ended(process) for process in [hold(2, 1.5) for _ in range(3)]]
    reports.sort(key=lambda report: report["begun"])
    first, second, third = reports
    assert set(first["devices"].split(",")).isdisjoint(second["devices"].split(","))
    assert third["begun"] >= min(first["ended"], second["ended"])


def test_killed_holder_frees_its_devices(machine: Path) -> None:
    holder = hold(4, 600)
    first_line(holder)
    holder.send_signal(signal.SIGKILL)
    holder.wait(timeout=10)
    with gpus.leased(4) as lease:
        assert lease.devices == "0,1,2,3"


def test_devices_stay_taken_while_a_child_that_inherited_them_lives(machine: Path) -> None:
    with gpus.leased(3) as lease:
        child = subprocess.Popen(["sleep", "600"], pass_fds=lease.descriptors)
    try:
        with gpus.leased(1) as other:
            assert other.devices == "3"
        waiting = hold(2, 0)
        time.sleep(1.5)
        assert waiting.poll() is None
    finally:
        child.kill()
        child.wait()
    assert ended(waiting)["devices"] == "0,1"


def test_large_job_does_not_starve_behind_small_ones(machine: Path) -> None:
    small = hold(1, 2)
    first_line(small)
    large = hold(4, 0)
    time.sleep(1)  # it waits for the small one, first in the queue
    late = hold(1, 0)  # three devices are free, but the large one came before
    assert first_line(large)["begun"] <= first_line(late)["begun"]
    for process in (small, large, late):
        process.communicate(timeout=30)


def test_jobs_inside_a_slurm_allocation_share_it_out(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5,6,7")
    with gpus.leased(2) as one, gpus.leased(2) as other:
        assert (one.devices, other.devices) == ("2,5", "6,7")


def test_an_allocation_counts_its_devices_for_itself(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each Slurm job sees its own devices as 0, 1, ...
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with gpus.leased(1) as one:
        monkeypatch.setenv("SLURM_JOB_ID", "8")
        with gpus.leased(1) as other:
            assert one.devices == other.devices == "0"


def test_jobs_of_other_sessions_of_the_user_meet_in_one_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(gpus.PLACE_VARIABLE, raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    before = gpus.folder()
    for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    assert gpus.folder() == before


def test_a_device_that_is_listed_twice_is_one(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,0")
    with pytest.raises(PipelineError, match="wants 2 GPUs and there are 1"), gpus.leased(2):
        pass


def test_job_without_gpus_sees_none(machine: Path) -> None:
    with gpus.leased(0) as lease:
        assert lease == gpus.Lease("")


def test_more_than_there_are_is_refused(machine: Path) -> None:
    with pytest.raises(PipelineError, match="wants 5 GPUs and there are 4"), gpus.leased(5):
        pass
