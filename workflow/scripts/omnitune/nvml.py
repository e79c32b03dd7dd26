"""What NVIDIA's management library knows of a device; where it knows nothing, a device counts as free."""

from functools import cache
from typing import Any

GIB = 2**30
# A few hundred MiB are the driver's own; more is someone's work even if its processes cannot be seen from here.
USED_GIB = 2.0


def count() -> int:
    """How many GPUs the driver has."""
    nvml = _library()
    return int(nvml.nvmlDeviceGetCount()) if nvml else 0


def uuid(device: str) -> str:
    """The one name of a device that CUDA_VISIBLE_DEVICES may name by number or uuid; empty when unknown."""
    handle = _handle(device)
    return "" if handle is None else _text(_asked("nvmlDeviceGetUUID", handle, ""))


def in_use(device: str) -> str:
    """`12.3 GiB by process 4711` when somebody uses the device's memory; empty when nobody does, or unknown."""
    if (handle := _handle(device)) is None:
        return ""
    memory = _asked("nvmlDeviceGetMemoryInfo", handle, None)
    if memory is None or memory.used <= USED_GIB * GIB:
        return ""
    # Not shown to everyone everywhere.
    pids = [process.pid for process in _asked("nvmlDeviceGetComputeRunningProcesses", handle, [])]
    who = f"process {', '.join(map(str, pids[:4]))}" if pids else "a process that cannot be seen from here"
    return f"{memory.used / GIB:.1f} GiB by {who}"


@cache
def _library() -> Any:
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no driver; a damaged package can raise anything
        return None
    return pynvml


def _handle(device: str) -> Any:
    if (nvml := _library()) is None:
        return None
    try:
        if device.isdigit():
            return nvml.nvmlDeviceGetHandleByIndex(int(device))
        return nvml.nvmlDeviceGetHandleByUUID(device)
    except nvml.NVMLError:
        return None


def _asked(question: str, handle: Any, otherwise: Any) -> Any:
    nvml = _library()
    try:
        return getattr(nvml, question)(handle)
    except nvml.NVMLError:
        return otherwise


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
