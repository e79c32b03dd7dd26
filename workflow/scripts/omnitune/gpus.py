"""Lease device numbers: Snakemake only counts GPUs, and two jobs would both take the first ones."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from omnitune.errors import PipelineError

_POLL_SECONDS = 0.5
# One place for all jobs of a user on a machine, whatever session, container or cron job they are started from:
# XDG_RUNTIME_DIR and TMPDIR differ between those.
_PLACE = "/tmp"
PLACE_VARIABLE = "OMNITUNE_GPU_LOCKS"


@dataclass(frozen=True)
class Lease:
    """Devices of one job.

    Attributes:
        devices: value of CUDA_VISIBLE_DEVICES; empty for a job without GPUs.
        descriptors: open locks; a child that inherits them keeps the devices if we die before it.
    """

    devices: str
    descriptors: tuple[int, ...] = ()

    def first(self, count: int) -> str:
        """The first `count` of the devices, as CUDA_VISIBLE_DEVICES takes them."""
        return ",".join(self.devices.split(",")[:count])

    def after(self, count: int) -> str:
        """The devices behind these."""
        return ",".join(self.devices.split(",")[count:])


@contextmanager
def leased(count: int) -> Iterator[Lease]:
    """Wait for `count` free devices of this machine and hold them while the block runs.

    Each device is a file lock, which the kernel frees when its holders are gone, however they went. Jobs are
    served in the order of their coming, so a large one does not starve behind small ones. Inside a Slurm job the
    devices are those of its allocation, whose numbers are its own.

    Raises:
        PipelineError: when the machine has fewer.
    """
    if count == 0:
        yield Lease("")
        return
    pool = _pool()
    if count > len(pool):
        raise PipelineError(
            f"The job wants {count} GPUs and there are {len(pool)}",
            fix="Lower the stage's gpus, unset CUDA_VISIBLE_DEVICES, or run where there are more.",
        )
    with ExitStack() as held:
        with _locked(folder() / "queue"):  # held while waiting: the next job queues behind us
            while len(free := _free(pool, held, count)) < count:
                time.sleep(_POLL_SECONDS)
        yield Lease(",".join(device for device, _ in free), tuple(descriptor for _, descriptor in free))


def _pool() -> list[str]:
    """Devices that we may use: CUDA_VISIBLE_DEVICES, else all that the driver knows."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        return list(dict.fromkeys(device.strip() for device in listed.split(",") if device.strip()))
    import pynvml

    try:
        pynvml.nvmlInit()
        return [str(number) for number in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return []


def folder() -> Path:
    """The folder of the locks, made when it is not there."""
    job = os.environ.get("SLURM_JOB_ID", "")
    name = f"omnitune-gpus-{os.getuid()}" + (f"-slurm-{job}" if job.isalnum() else "")
    place = Path(os.environ.get(PLACE_VARIABLE, _PLACE)) / name
    place.mkdir(mode=0o700, exist_ok=True)
    if place.stat().st_uid != os.getuid():
        raise PipelineError("it belongs to another user", where=str(place), fix="Have it removed.")
    return place


def _free(pool: list[str], held: ExitStack, count: int) -> list[tuple[str, int]]:
    """Lock `count` devices if that many are free, else none."""
    taken: list[tuple[str, int]] = []
    for device in pool:
        descriptor = _open(folder() / f"gpu-{device}")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        taken.append((device, descriptor))
        if len(taken) == count:
            for _, kept in taken:
                held.callback(os.close, kept)
            return taken
    for _, descriptor in taken:
        os.close(descriptor)
    return []


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
