"""GPUs through NVIDIA's management library: what they are, who uses them, whether torch can."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from omnitune import environments
from omnitune.doctor.check import Check
from omnitune.doctor.pins import pins, site_packages
from omnitune.doctor.wants import Wants
from omnitune.errors import PipelineError
from omnitune.nvml import GIB, USED_GIB

# bfloat16 in hardware came with Ampere.
_CAPABILITY = (8, 0)
_version_line = re.compile(r"^(cuda|__version__)\b.*?=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


class Gpu(NamedTuple):
    """One GPU: memory in bytes, and the ids of the processes that compute on it."""

    name: str
    total: int
    free: int
    capability: tuple[int, int]
    processes: list[int]


class Driver(NamedTuple):
    """The driver's version, and the newest CUDA it runs."""

    version: str
    cuda: tuple[int, int]


class NoGpuError(Exception):
    """Why no GPU can be asked: there is none, or its driver does not answer."""


def check_gpus(wants: Wants) -> Iterator[Check]:
    """The driver and each GPU."""
    try:
        driver, gpus = look()
    except NoGpuError as error:
        fix = "device: cpu works for the demo."
        if wants.device == "cuda":
            fix = "Run where there is a GPU with NVIDIA's driver, or set device: cpu (works for tiny models)."
        yield Check("gpu", "ok" if wants.device == "cpu" else wants.short, str(error), fix)
        return
    yield _driver(driver, wants)
    yield from (_gpu(number, gpu, wants) for number, gpu in enumerate(gpus))
    visible = _visible(len(gpus))
    if visible < len(gpus) or (wants.device == "cuda" and visible < wants.gpus):
        yield _number(visible, len(gpus), wants)


def look() -> tuple[Driver, list[Gpu]]:
    """Ask the driver.

    Raises:
        NoGpuError: there is no GPU, or the driver does not answer.
    """
    try:
        import pynvml as nvml
    except Exception as error:  # a damaged package can raise anything
        raise NoGpuError(f"no GPU can be asked, pynvml cannot be imported ({_short(error)})") from None
    try:
        nvml.nvmlInit()
    except Exception as error:
        if "not found" in str(error).lower():
            raise NoGpuError("no GPU (NVIDIA's driver is not installed)") from None
        raise NoGpuError(f"no usable GPU (NVIDIA's driver says: {_short(error)})") from None
    try:
        number = nvml.nvmlSystemGetCudaDriverVersion()
        driver = Driver(_text(nvml.nvmlSystemGetDriverVersion()), (number // 1000, number % 1000 // 10))
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        gpus = [_ask(nvml, handle) for handle in handles]
    except Exception as error:
        raise NoGpuError(f"no usable GPU (NVIDIA's driver says: {_short(error)})") from None
    finally:
        nvml.nvmlShutdown()
    if not gpus:
        raise NoGpuError(f"no GPU (driver {driver.version} sees none)")
    return driver, gpus


def _ask(nvml: Any, handle: Any) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        processes = [process.pid for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle)]
    except nvml.NVMLError:  # not shown to everyone everywhere
        processes = []
    capability = tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle))
    return Gpu(_text(nvml.nvmlDeviceGetName(handle)), memory.total, memory.free, capability, processes)


def _gpu(number: int, gpu: Gpu, wants: Wants) -> Check:
    label = f"gpu {number}"
    found = f"{gpu.name}, {gpu.free / GIB:.1f} of {gpu.total / GIB:.1f} GiB free"
    if gpu.capability < _CAPABILITY:
        fix = "Take a GPU of the Ampere generation or newer (A100, H100, RTX 30 and later)."
        what = "has no bfloat16: compute capability {}.{}, wanted 8.0".format(*gpu.capability)
        return Check(label, wants.short, f"{found}, {what}", fix)
    if gpu.processes or gpu.total - gpu.free > USED_GIB * GIB:
        pids = ", ".join(map(str, gpu.processes[:4]))
        who = f"process {pids}" if len(gpu.processes) == 1 else f"processes {pids}" if pids else "processes unseen"
        return Check(label, "warning", f"{found}, in use by {who}", "Wait, end them, or set CUDA_VISIBLE_DEVICES.")
    # Vendors' 80 GB are a little less than 80 GiB.
    if wants.device == "cuda" and gpu.total < 0.9 * wants.gpu_memory_gib * GIB:
        fix = f"Set resources.gpu_memory_gib: {round(gpu.total / GIB)}"
        return Check(label, "warning", f"{found}, resources.gpu_memory_gib says {wants.gpu_memory_gib}", fix)
    return Check(label, "ok", found)


def _number(visible: int, there: int, wants: Wants) -> Check:
    found = str(there)
    if visible < there:
        found = f"{visible} of {there} visible (CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']})"
    if wants.device == "cuda" and visible < wants.gpus:
        found = f"{found}, the largest job wants {wants.gpus}"
        return Check(
            "gpus", "lacking", found, f"Set sft.gpus and infer.gpus to at most {visible}, or run elsewhere."
        )
    return Check("gpus", "warning", found, "Unset CUDA_VISIBLE_DEVICES to use all.")


def _visible(there: int) -> int:
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return there
    entries = [entry.strip() for entry in chosen.split(",")]
    # CUDA stops at the first entry that names no device.
    count = 0
    for entry in entries:
        if not entry or (re.fullmatch(r"-?\d+", entry) and not 0 <= int(entry) < there):
            break
        count += 1
    return count


def _driver(driver: Driver, wants: Wants) -> Check:
    found = "{}, runs CUDA up to {}.{}".format(driver.version, *driver.cuda)
    torch, cuda = torch_cuda(wants)
    if not cuda:
        return Check("driver", "ok", f"{found}; torch's CUDA is not known yet")
    found += f"; torch {torch} is built for CUDA {cuda}"
    # Within a major version of CUDA an older driver will do.
    if driver.cuda[0] < int(cuda.split(".")[0]):
        return Check("driver", wants.short, found, f"Install a driver for CUDA {cuda} or newer.")
    return Check("driver", "ok", found)


def torch_cuda(wants: Wants) -> tuple[str, str]:
    """torch's version and the CUDA it is built for: of the environment, else by the lock; empty when unknown."""
    own = Path(wants.swift_env).expanduser() if wants.swift_env else None
    try:
        for folder in site_packages(own or environments.folder("swift")):
            text = (folder / "torch" / "version.py").read_text(encoding="utf-8")
            values = dict(_version_line.findall(text))
            if "cuda" in values:
                return values.get("__version__", ""), values["cuda"]
    except (OSError, UnicodeDecodeError):
        pass
    if own:
        return "", ""
    try:
        wanted = pins(environments.lock_file("swift"))
    except PipelineError:
        return "", ""
    runtime = next((wanted[name] for name in sorted(wanted) if name.startswith("nvidia-cuda-runtime")), "")
    return wanted.get("torch", ""), ".".join(runtime.split(".")[:2])


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
