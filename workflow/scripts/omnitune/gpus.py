"""Lease device numbers: Snakemake only counts GPUs, and two jobs would both take the first ones."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from omnitune import nvml, turns
from omnitune.errors import ExitCode, PipelineError

# How long we wait for devices whose memory is used by something that knows of no lease.
STRANGER_SECONDS = 600.0
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
    served in the order of their coming (`turns`), so a large one cannot starve behind small ones. Inside a Slurm
    job the devices are those of its allocation, whose numbers are its own. A device whose memory is used by
    something else is passed over.

    Raises:
        PipelineError: when the machine has fewer, or something else keeps too many of them.
    """
    if count == 0:
        yield Lease("")
        return
    pool = _Pool(_listed())
    if count > len(pool.devices):
        raise PipelineError(
            f"The job wants {count} GPUs and there are {len(pool.devices)}",
            fix="Lower the stage's gpus, unset CUDA_VISIBLE_DEVICES, or run where there are more.",
        )
    with ExitStack() as held:
        # Held while waiting: the next job queues behind us.
        with turns.taken(
            folder(), lambda: print(f"Waiting for {count} GPUs: another job came before.", flush=True)
        ):
            taken = pool.wait(count)
        for descriptor in taken.values():
            held.callback(os.close, descriptor)
        yield Lease(",".join(taken), tuple(taken.values()))


def _listed() -> list[str]:
    """Devices that we may use: CUDA_VISIBLE_DEVICES, else all that the driver knows."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return [str(number) for number in range(nvml.count())]
    names = [name.strip() for name in listed.split(",")]
    # CUDA takes no notice of what stands after the first that is none: -1, NoDevFiles.
    end = next((place for place, name in enumerate(names) if re.match(r"-|No", name)), len(names))
    return list(dict.fromkeys(filter(None, names[:end])))


def folder() -> Path:
    """The folder of the locks, made when it is not there."""
    job = os.environ.get("SLURM_JOB_ID", "")
    name = f"omnitune-gpus-{os.getuid()}" + (f"-slurm-{job}" if job.isalnum() else "")
    place = Path(os.environ.get(PLACE_VARIABLE, _PLACE)) / name
    place.mkdir(mode=0o700, exist_ok=True)
    if place.stat().st_uid != os.getuid():
        raise PipelineError("it belongs to another user", where=str(place), fix="Have it removed.")
    return place


@dataclass
class _Pool:
    """The devices that may be leased, and by whom else the memory of some is used."""

    devices: list[str]
    strangers: dict[str, str] = field(default_factory=dict)

    def wait(self, count: int) -> dict[str, int]:
        """Lock `count` devices, as soon as that many are free."""
        waiting, blocked_since, said = False, None, set[str]()
        while True:
            taken = self._lock(count)
            for device in sorted(self.strangers.keys() - said):
                print(f"GPU {device} is passed over: in use, {self.strangers[device]}.", flush=True)
                said.add(device)
            if len(taken) == count:
                return taken
            if not waiting:
                waiting = True
                print(f"Waiting for {count} GPUs: {len(taken)} of {len(self.devices)} are free.", flush=True)
            for descriptor in taken.values():
                os.close(descriptor)
            if len(self.devices) - len(self.strangers) >= count:
                blocked_since = None  # for our own jobs we wait as long as it takes
            elif blocked_since is None:
                blocked_since = time.monotonic()
            elif time.monotonic() - blocked_since > STRANGER_SECONDS:
                raise self._refusal(count)
            time.sleep(_POLL_SECONDS)

    def _lock(self, count: int) -> dict[str, int]:
        """Device -> lock, of up to `count` free ones."""
        taken: dict[str, int] = {}
        for device in self.devices:
            if len(taken) == count:
                break
            # One device may be listed by number here and by uuid elsewhere; old names of MIG devices have a slash.
            name = (nvml.uuid(device) or device).replace("/", "_")
            descriptor = turns.open_lock(folder() / f"gpu-{name}")
            if not turns.locked(descriptor):
                self.strangers.pop(device, None)  # one of ours has it
            elif user := nvml.in_use(device):
                self.strangers[device] = user
            else:
                self.strangers.pop(device, None)
                taken[device] = descriptor
                continue
            os.close(descriptor)
        return taken

    def _refusal(self, count: int) -> PipelineError:
        users = "; ".join(f"GPU {device}: {user}" for device, user in sorted(self.strangers.items()))
        return PipelineError(
            f"The job wants {count} GPUs of {len(self.devices)}, and for {STRANGER_SECONDS / 60:.0f} min the "
            f"memory of {len(self.strangers)} has been in use ({users})",
            fix="End what uses them (nvidia-smi shows it), or list other devices in CUDA_VISIBLE_DEVICES.",
            code=ExitCode.BUSY,
        )
