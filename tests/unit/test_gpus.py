"""Leases of device numbers, held by real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from children import wait_for
from full import full

from omnitune import gpus, nvml
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


_holders: "list[subprocess.Popen[str]]" = []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with four GPUs that nobody uses, before or after."""
    monkeypatch.setenv(gpus.PLACE_VARIABLE, str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    yield tmp_path
    while _holders:
        holder = _holders.pop()
        holder.kill()
        holder.wait()


def hold(count: int, seconds: float) -> "subprocess.Popen[str]":
    """Start a process that leases devices."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(count), str(seconds)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")},
        stdout=subprocess.PIPE,
        text=True,
    )
    _holders.append(holder)
    return holder


def ended(process: "subprocess.Popen[str]") -> dict[str, object]:
    """What a holder wrote."""
    output, _ = process.communicate(timeout=60)
    lines = [line for line in output.splitlines() if line.startswith("{")]
    return {key: value for line in lines for key, value in json.loads(line).items()}


def first_line(process: "subprocess.Popen[str]") -> dict[str, object]:
    """What a holder writes when it has its devices."""
    assert process.stdout
    return json.loads(next(line for line in process.stdout if line.startswith("{")))


def test_two_jobs_of_two_share_no_device_and_a_third_waits(machine: Path) -> None:
    holders = [hold(2, 600) for _ in range(2)]
    first, second = (first_line(holder)["devices"] for holder in holders)
    assert set(first.split(",")).isdisjoint(second.split(","))
    third = queued(hold(2, 0), 1)
    time.sleep(1)
    assert third.poll() is None
    holders[1].kill()
    assert ended(third)["devices"] == second
    for holder in holders:
        holder.kill()
        holder.communicate()


def test_killed_holder_frees_its_devices(machine: Path) -> None:
    holder = hold(4, 600)
    first_line(holder)
    holder.send_signal(signal.SIGKILL)
    holder.wait(timeout=60)
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
    small = hold(1, 600)
    first_line(small)
    large = queued(hold(4, 0), 1)  # it waits for the small one, first in the queue
    late = queued(hold(1, 0), 2)  # three devices are free, but the large one came before
    small.kill()
    assert first_line(large)["begun"] <= first_line(late)["begun"]
    for process in (small, large, late):
        process.communicate(timeout=60)


def test_who_comes_later_is_not_served_before_one_that_sleeps_when_its_turn_comes(machine: Path) -> None:
    """By chance a small job would ask in just that moment, and in a stream of small ones again and again."""
    holder = hold(4, 600)
    first_line(holder)
    before, large = queued(hold(2, 600), 1), queued(hold(4, 0), 2)
    large.send_signal(signal.SIGSTOP)
    holder.kill()
    assert first_line(before)["devices"] == "0,1"  # it leaves the queue to the large one
    late = queued(hold(1, 0), 3)
    time.sleep(1.5)
    assert late.poll() is None, "two devices are free, but the large one came before"
    large.send_signal(signal.SIGCONT)
    before.kill()
    assert ended(large)["begun"] <= ended(late)["begun"]
    for process in (holder, before):
        process.communicate()


def test_jobs_are_served_in_the_order_of_their_coming(machine: Path) -> None:
    """Also when one of them is killed in the queue."""
    holder = hold(4, 600)
    first_line(holder)
    waiting = [queued(hold(4, 0), number) for number in range(1, 6)]
    waiting.pop(2).kill()
    holder.kill()
    begun = [ended(process)["begun"] for process in waiting]
    assert begun == sorted(begun)
    assert not list(gpus.folder().glob("ticket-*"))


def queued(process: "subprocess.Popen[str]", number: int) -> "subprocess.Popen[str]":
    """A job, once it has its ticket."""
    wait_for(lambda: (gpus.folder() / f"ticket-{number}").exists())
    return process


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


def test_a_large_job_gets_its_turn_in_a_stream_of_small_ones(machine: Path) -> None:
    """Each small one is followed by another at once."""
    streams = [
        subprocess.Popen(
            [sys.executable, "-c", "import time\nfrom omnitune import gpus\nwhile True:\n"
             "    with gpus.leased(1):\n        print('{}', flush=True)\n        time.sleep(0.2)"],
            env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")}, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(6)
    ]  # fmt: skip
    try:
        for stream in streams:
            first_line(stream)
        for _ in range(full(1, 5)):
            assert ended(hold(4, 0)), "it would have had to wait for the stream's end"
    finally:
        for stream in streams:
            stream.kill()
            stream.communicate()


def test_a_killed_job_in_the_queue_holds_nobody_up(machine: Path) -> None:
    holder = hold(2, 600)
    first_line(holder)
    large = queued(hold(4, 0), 1)  # it waits, first in the queue
    late = hold(1, 0)
    large.kill()
    large.wait()
    assert ended(late)["devices"] == "2"
    holder.kill()
    holder.wait()


@pytest.mark.parametrize(
    ("listed", "devices"),
    [
        ("GPU-8932f937-d72c,GPU-0a0b0c0d-1111", "GPU-8932f937-d72c,GPU-0a0b0c0d-1111"),
        (
            "MIG-GPU-8932f937-d72c/1/0,MIG-GPU-8932f937-d72c/2/0",
            "MIG-GPU-8932f937-d72c/1/0,MIG-GPU-8932f937-d72c/2/0",
        ),
        ("MIG-0a0b,MIG-0c0d", "MIG-0a0b,MIG-0c0d"),
        ("3,1,-1,0", "3,1"),
    ],
)
def test_devices_are_named_as_they_are_listed(
    machine: Path, monkeypatch: pytest.MonkeyPatch, listed: str, devices: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    with gpus.leased(2) as lease:
        assert lease.devices == devices
    with pytest.raises(PipelineError, match="wants 3 GPUs and there are 2"), gpus.leased(3):
        pass


@pytest.mark.parametrize("listed", ["", "-1", "NoDevFiles", " , "])
def test_a_list_without_a_device_is_none(machine: Path, monkeypatch: pytest.MonkeyPatch, listed: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    with pytest.raises(PipelineError, match="wants 1 GPUs and there are 0"), gpus.leased(1):
        pass


class Driver(ModuleType):
    """pynvml over four GPUs of 80 GiB; `used` and `pids` by number."""

    NVMLError = type("NVMLError", (Exception,), {})

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.used = dict.fromkeys(range(4), 0.5)
        self.pids: dict[int, list[int]] = {}

    def nvmlInit(self) -> None: ...

    def nvmlDeviceGetCount(self) -> int:
        return len(self.used)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:
        if number not in self.used:
            raise self.NVMLError("Invalid Argument")
        return number

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:
        for number in self.used:
            if self.nvmlDeviceGetUUID(number) == uuid:
                return number
        raise self.NVMLError("Not Found")

    def nvmlDeviceGetUUID(self, number: int) -> str:
        return f"GPU-{number:04d}"

    def nvmlDeviceGetMemoryInfo(self, number: int) -> SimpleNamespace:
        return SimpleNamespace(total=80 * 2**30, used=int(self.used[number] * 2**30))

    def nvmlDeviceGetComputeRunningProcesses(self, number: int) -> list[SimpleNamespace]:
        return [SimpleNamespace(pid=pid) for pid in self.pids.get(number, [])]


@pytest.fixture
def driver(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """The machine's driver."""
    driver = Driver()
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.setattr(gpus, "_POLL_SECONDS", 0.02)
    nvml._library.cache_clear()
    yield driver
    nvml._library.cache_clear()


def test_without_a_list_the_drivers_devices_are_leased(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    with gpus.leased(4) as lease:
        assert lease.devices == "0,1,2,3"


def test_a_device_that_a_stranger_uses_is_passed_over(driver: Driver, capsys: pytest.CaptureFixture[str]) -> None:
    driver.used |= {0: 40.25, 2: 3}
    driver.pids = {0: [4711, 4712]}
    with gpus.leased(2) as lease:
        assert lease.devices == "1,3"
    assert capsys.readouterr().out == (
        "GPU 0 is passed over: in use, 40.2 GiB by process 4711, 4712.\n"
        "GPU 2 is passed over: in use, 3.0 GiB by a process that cannot be seen from here.\n"
    )


def test_a_strangers_end_is_waited_for(driver: Driver) -> None:
    driver.used[1] = 70
    begun = time.monotonic()
    threading.Timer(0.3, lambda: driver.used.update({1: 0.5})).start()
    with gpus.leased(4) as lease:
        assert lease.devices == "0,1,2,3"
    assert time.monotonic() - begun > 0.2


def test_a_stranger_that_stays_is_a_refusal(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "STRANGER_SECONDS", 0.1)
    driver.used |= {1: 70, 2: 5}
    driver.pids = {1: [4711]}
    with pytest.raises(PipelineError) as failed, gpus.leased(3):
        pass
    assert str(failed.value) == (
        "The job wants 3 GPUs of 4, and for 0 min the memory of 2 has been in use (GPU 1: 70.0 GiB by process "
        "4711; GPU 2: 5.0 GiB by a process that cannot be seen from here). End what uses them (nvidia-smi shows "
        "it), or list other devices in CUDA_VISIBLE_DEVICES."
    )
    assert failed.value.code == 75
    with gpus.leased(2) as lease:  # nothing is held after a refusal
        assert lease.devices == "0,3"


def test_the_memory_of_our_own_jobs_is_no_strangers(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """For them we wait as long as it takes."""
    monkeypatch.setattr(gpus, "STRANGER_SECONDS", 0.1)
    with ExitStack() as first:
        first.enter_context(gpus.leased(3))
        driver.used |= {0: 70, 1: 70, 2: 70}
        taken: list[str] = []

        def second() -> None:
            with gpus.leased(2) as lease:
                taken.append(lease.devices)

        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.5)
        assert thread.is_alive()
        driver.used |= {0: 0.5, 1: 0.5, 2: 0.5}
        first.close()
        thread.join(timeout=30)
    assert taken == ["0,1"]


def test_one_device_by_number_and_by_uuid_is_one(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with gpus.leased(1) as one:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-0000,GPU-0001,GPU-unknown")
        with gpus.leased(2) as two:
            assert (one.devices, two.devices) == ("0", "GPU-0001,GPU-unknown")


def test_a_driver_that_does_not_answer_holds_nobody_up(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise driver.NVMLError("Unknown Error")

    for question in ("UUID", "MemoryInfo", "ComputeRunningProcesses"):
        monkeypatch.setattr(driver, f"nvmlDeviceGet{question}", silent)
    driver.used[0] = 70
    with gpus.leased(4) as lease:
        assert lease.devices == "0,1,2,3"


def test_more_than_there_are_is_refused(machine: Path) -> None:
    with pytest.raises(PipelineError, match="wants 5 GPUs and there are 4"), gpus.leased(5):
        pass
