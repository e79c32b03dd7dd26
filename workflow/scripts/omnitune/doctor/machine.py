"""Host memory and shared memory."""

import os
from collections.abc import Iterator
from pathlib import Path

from omnitune.doctor.check import Check
from omnitune.doctor.wants import Wants

GIB = 2**30
_DEMO_GIB = 6
# A container's limit is not in what the host tells of its memory.
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_SHARED = Path("/dev/shm")


def check_memory(wants: Wants) -> Iterator[Check]:
    """Memory of the host, or of the container when that is less."""
    import psutil

    memory = psutil.virtual_memory()
    limit = _limit()
    total, available = min(memory.total, limit), min(memory.available, limit)
    found = f"{total / GIB:.0f} GiB, {available / GIB:.0f} GiB of it free"
    # What a machine calls 128 GiB is a little less by the kernel's own part.
    if total >= 0.95 * wants.memory_gib * GIB:
        yield Check("memory", "ok", found)
    elif total < 0.95 * _DEMO_GIB * GIB:
        yield Check("memory", "warning", found, f"Even the demo wants {_DEMO_GIB} GiB: take a larger machine.")
    elif wants.device is None:
        fix = f"The demo has room; training the 30B wants {wants.memory_gib} GiB."
        yield Check("memory", "warning", found, fix)
    else:
        fix = f"A training job asks for {wants.memory_gib} GiB: lower resources.train_mem_gib if it needs less."
        yield Check("memory", "warning", found, fix)


def _limit() -> float:
    for name in _CGROUP_LIMITS:
        try:
            return int(Path(name).read_text())
        except (OSError, ValueError):  # no such file, or the word max
            continue
    return float("inf")


def check_shared_memory(wants: Wants) -> Iterator[Check]:
    """/dev/shm, through which data loader workers hand over their batches."""
    fix = "Start the container with --shm-size=8g, or set sft.dataloader_workers: 0."
    try:
        space = os.statvfs(_SHARED)
    except OSError:
        yield Check("/dev/shm", "warning", "is not there", fix)
        return
    size = space.f_blocks * space.f_frsize / GIB
    found = f"{size:.1f} GiB"
    if size < 1:
        yield Check("/dev/shm", "warning", f"{found} is little for the data loader's workers", fix)
    else:
        yield Check("/dev/shm", "ok", found)
