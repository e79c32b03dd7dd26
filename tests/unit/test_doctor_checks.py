"""The checks of `make doctor`, each against a machine that lacks something."""

import errno
import os
import shutil
import sys
import time
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from project import processor_seconds

from omnitune import doctor, environments
from omnitune.doctor import checkpoint, checks, gpus, machine, pins, software, storage
from omnitune.doctor.check import Check, as_json, as_text
from omnitune.doctor.wants import Wants, from_config
from omnitune.errors import PipelineError

GIB = 2**30
CUDA = Wants(device="cuda", gpus=1)


class NvmlError(Exception):
    """Stands for pynvml.NVMLError."""


class FakeNvml:
    """The calls that are made of pynvml, over a list of GPUs."""

    NVMLError = NvmlError

    def __init__(self, devices: list[gpus.Gpu], cuda: int = 13000, error: str = "") -> None:
        self.devices, self.cuda, self.error = devices, cuda, error

    def nvmlInit(self) -> None:
        if self.error:
            raise NvmlError(self.error)

    def nvmlShutdown(self) -> None:
        pass

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return self.cuda

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return b"580.65.06"  # older bindings return bytes

    def nvmlDeviceGetCount(self) -> int:
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> gpus.Gpu:
        return self.devices[index]

    def nvmlDeviceGetName(self, gpu: gpus.Gpu) -> str:
        return gpu.name

    def nvmlDeviceGetMemoryInfo(self, gpu: gpus.Gpu) -> Any:
        return SimpleNamespace(total=gpu.total, free=gpu.free)

    def nvmlDeviceGetCudaComputeCapability(self, gpu: gpus.Gpu) -> tuple[int, int]:
        return gpu.capability

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: gpus.Gpu) -> list[Any]:
        if gpu.processes == [-1]:
            raise NvmlError("Insufficient Permissions")
        return [SimpleNamespace(pid=pid) for pid in gpu.processes]


H100 = gpus.Gpu("NVIDIA H100", 80 * GIB, 80 * GIB, (9, 0), [])


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch):
    """Put a fake in the place of pynvml, and torch's CUDA at 13.0."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "torch_cuda", lambda wants: ("2.11.0+cu130", "13.0"))

    def put(*devices: gpus.Gpu, **options: Any) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(list(devices), **options))

    return put


def lines(found: Any) -> list[str]:
    return [f"{check.state} {check.name}: {check.sentence()}" for check in found]


# How it is shown.


def test_one_line_a_check_and_a_last_one_that_sums_up():
    shown = [Check("disk", "ok", "9 GB"), Check("python .venv", "lacking", "is not\n there", "Run: make setup")]
    assert as_text(shown).splitlines() == [
        "ok       disk          9 GB",
        "lacking  python .venv  is not there. Run: make setup",
        "1 lacking, no warning.",
    ]
    assert as_text(shown[:1]).endswith("\nNothing is lacking, no warning.")
    assert '"lacking": 1' in as_json(shown)


def test_a_check_that_breaks_hides_no_other(monkeypatch: pytest.MonkeyPatch):
    def broken(wants: Wants) -> list[Check]:
        raise RuntimeError("odd\nmachine")

    monkeypatch.setattr(
        checks, "_CHECKS", [("disk", broken), ("memory", lambda wants: [Check("memory", "ok", "m")])]
    )
    assert lines(doctor.examine()) == [
        "warning disk: could not be looked at (RuntimeError: odd machine)",
        "ok memory: m",
    ]


# Python and environments.

LOCK = """\
# comment
torch==2.11.0 \\
    --hash=sha256:00
av==1.0 ; python_full_version < '3.9' \\
    --hash=sha256:00
av==2.0 ; python_full_version >= '3.9' \\
    --hash=sha256:00
uvicorn[standard]==0.3
Ruamel_Yaml==1.0
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a lock for both environments, both built."""
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setenv("OMNITUNE_ENV_DIR", str(tmp_path / "cache"))
    (tmp_path / "envs").mkdir()
    for name in environments.ENVIRONMENTS:
        environments.lock_file(name).write_text(LOCK)
        build(name, {"torch": "2.11.0+cu130", "av": "2.0.0", "uvicorn": "0.3", "ruamel.yaml": "1.0", "more": "1"})
    return tmp_path


def build(name: str, packages: dict[str, str]) -> None:
    folder = environments.folder(name)
    shutil.rmtree(folder, ignore_errors=True)
    for package, version in packages.items():
        metadata = folder / f"lib/python3.11/site-packages/{package}-{version}.dist-info/METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (folder / "bin").mkdir()
    (folder / "bin/python").touch()
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.4\n")
    (folder / ".omnitune-ready").write_text(environments.lock_hash(name))


def test_environments_as_their_locks_say(place: Path):
    assert lines(software.check_pipeline(Wants())) == [
        f"ok env pipeline: {place}/.venv: 4 packages as the lock says"
    ]
    assert next(iter(software.check_swift(Wants()))).state == "ok"


def test_an_environment_with_other_packages(place: Path):
    build("pipeline", {"torch": "2.10.0", "av": "1.0", "more": "1"})
    assert lines(software.check_pipeline(Wants())) == [
        f"lacking env pipeline: {place}/.venv: av is 1.0, not 2.0, ruamel-yaml is missing, "
        f"torch is 2.10.0, not 2.11.0 and 1 more. Run: rm -r {place}/.venv && make setup"
    ]


def test_an_environment_of_another_lock_or_none(place: Path):
    environments.lock_file("pipeline").write_text(LOCK + "more==1\n")
    assert lines(software.check_pipeline(Wants())) == [
        f"lacking env pipeline: {place}/.venv is not built from the present lock. Run: make setup"
    ]
    folder = environments.folder("swift")
    shutil.rmtree(folder)
    assert lines(software.check_swift(Wants())) == [f"lacking env swift: {folder} is not there. Run: make setup"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"\xff\xfe\x00", "is not text"),
        (b"", "holds no pins"),
        (b"torch==2.11.0\n<<<<<<< HEAD\n", "is damaged: line 2 is no pin"),
        (b"torch==2.11.0 ; python_versio < '3'\n", "is damaged: line 1 has a marker that cannot be read"),
    ],
)
def test_a_lock_that_cannot_be_read(place: Path, content: bytes | None, found: str):
    lock = environments.lock_file("swift")
    lock.unlink()
    if content is not None:
        lock.write_bytes(content)
    fix = "Run: git checkout envs/swift.lock.txt"
    assert lines(software.check_swift(Wants())) == [f"lacking env swift: envs/swift.lock.txt {found}. {fix}"]
    if content != b"torch==2.11.0\n<<<<<<< HEAD\n":
        assert lines(software.check_swift(Wants(swift_env=str(place / ".venv"))))[0].endswith(fix)


def test_a_sites_own_environment(place: Path):
    own = Wants(swift_env=str(place / ".venv"))
    assert lines(software.check_swift(own)) == [f"ok env swift: {place}/.venv: torch as the lock says"]
    build("pipeline", {"torch": "2.10.0"})
    assert lines(software.check_swift(own)) == [
        f"warning env swift: {place}/.venv: torch is 2.10.0, not 2.11.0. "
        "Tested is the lock: install its versions, or remove envs.swift."
    ]
    assert lines(software.check_swift(Wants(swift_env="/nowhere"))) == [
        "lacking env swift: envs.swift: there is no /nowhere/bin/python. "
        "Name the folder of a Python environment in envs.swift, or remove the key."
    ]


def test_packages_with_damaged_metadata_are_left_out(tmp_path: Path):
    (tmp_path / "broken-1.0.dist-info").mkdir()
    (tmp_path / "binary-1.0.dist-info").mkdir()
    (tmp_path / "binary-1.0.dist-info/METADATA").write_bytes(b"Name: \n\n")
    assert pins.installed([tmp_path]) == {}


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("echo 3.9.2", "lacking python: 3.9.2 ({}) is older than 3.11."),
        ("exit 3", "lacking python: {} does not run."),
        ("echo nonsense", "lacking python: {} does not run."),
        ("echo 3.12.1", "ok python: 3.12.1 ({})"),
    ],
)
def test_the_systems_python(place: Path, monkeypatch: pytest.MonkeyPatch, program: str, line: str):
    python = place / "bin/python3"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\n{program}\n")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", str(python.parent), prepend=os.pathsep)
    monkeypatch.delenv("PYTHON", raising=False)
    system, venv = lines(software.check_python(Wants()))
    assert system.startswith(line.format(python))
    assert venv == "ok python .venv: 3.12.4"


def test_no_python_and_no_venv(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHON", "python-nowhere")
    (place / ".venv/bin/python").unlink()
    assert lines(software.check_python(Wants())) == [
        "lacking python: there is no python-nowhere. "
        "Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3",
        "lacking python .venv: .venv is not there or not whole. Run: make setup",
    ]


def test_no_tools_and_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("CXX", raising=False)
    assert lines(software.check_tools(Wants())) == [
        "warning tools: there is no make and no git. Install it: apt install make git, or your system's like."
    ]
    (line,) = lines(software.check_compiler(Wants()))
    assert line.startswith("warning compiler: no C compiler, no C++ compiler")


# Disk.

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("free", "wants", "state"),
    [(500, Wants(), "ok"), (50, Wants(), "warning"), (50, CUDA, "lacking"), (5, Wants(), "lacking")],
)
def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, wants: Wants, state: str):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, free * 10**9))
    monkeypatch.setattr(storage, "_is_ready", lambda name: False)
    monkeypatch.setenv("OMNITUNE_ENV_DIR", str(tmp_path / "not/yet"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    (check,) = storage.check_disk(wants)
    assert check.state == state
    # The config of CUDA names no model, so the 30B is taken to be fetched.
    assert check.found.endswith(
        f"GB free in {tmp_path}, wanted 144 GB (environments 10 GB, base model 66 GB, results 68 GB)"
    )
    assert bool(check.fix) == (state != "ok")


def test_results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert lines(storage.check_results(Wants())) == [
        f"ok results: {tmp_path} has file locks, atomic rename and hard links"
    ]
    assert not list(tmp_path.iterdir())

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    monkeypatch.setattr(os, "link", refuse)
    (check,) = storage.check_results(Wants())
    assert (check.state, check.found) == ("lacking", f"{tmp_path} has no file locks, no hard links")


def test_a_file_system_that_only_pretends_to_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fcntl.flock", lambda *_: None)
    (check,) = storage.check_results(Wants())
    assert check.found == f"{tmp_path} has no file locks"


def test_a_results_folder_without_the_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    assert lines(storage.check_results(Wants())) == [
        f"lacking results: {tmp_path} cannot be written to (Permission denied). "
        "Get the right to write there, or put the checkout elsewhere."
    ]


# Memory.


@pytest.mark.parametrize(
    ("gib", "wants", "line"),
    [
        (126, Wants(), "ok memory: 126 GiB, 100 GiB of it free"),
        (
            24,
            Wants(),
            "warning memory: 24 GiB, 24 GiB of it free. The demo has room; training the 30B wants 128 GiB.",
        ),
        (4, Wants(), "warning memory: 4 GiB, 4 GiB of it free. Even the demo wants 6 GiB: take a larger machine."),
        (
            64,
            CUDA,
            "warning memory: 64 GiB, 64 GiB of it free. A training job asks for 128 GiB: "
            "lower resources.train_mem_gib if it needs less.",
        ),
    ],
)
def test_memory(monkeypatch: pytest.MonkeyPatch, gib: int, wants: Wants, line: str):
    monkeypatch.setattr(machine, "_CGROUP_LIMITS", ())
    memory = SimpleNamespace(total=gib * GIB, available=min(gib, 100) * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert lines(machine.check_memory(wants)) == [line]


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "memory.max").write_text(f"{5 * GIB}\n")
    monkeypatch.setattr(machine, "_CGROUP_LIMITS", (str(tmp_path / "max"), str(tmp_path / "memory.max")))
    (line,) = lines(machine.check_memory(Wants()))
    assert line.startswith("warning memory: 5 GiB")


def test_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "_SHARED", tmp_path)
    fix = "Start the container with --shm-size=8g, or set sft.dataloader_workers: 0."
    for blocks, line in (
        (2**20, "ok /dev/shm: 4.0 GiB"),
        (2**14, f"warning /dev/shm: 0.1 GiB is little for the data loader's workers. {fix}"),
    ):
        monkeypatch.setattr(os, "statvfs", lambda path, n=blocks: SimpleNamespace(f_blocks=n, f_frsize=4096))
        assert lines(machine.check_shared_memory(Wants())) == [line]
    monkeypatch.undo()
    monkeypatch.setattr(machine, "_SHARED", tmp_path / "none")
    assert lines(machine.check_shared_memory(Wants())) == [f"warning /dev/shm: is not there. {fix}"]


# GPUs.


def test_a_good_gpu(nvml):
    nvml(H100)
    assert lines(gpus.check_gpus(CUDA)) == [
        "ok driver: 580.65.06, runs CUDA up to 13.0; torch 2.11.0+cu130 is built for CUDA 13.0",
        "ok gpu 0: NVIDIA H100, 80.0 of 80.0 GiB free",
    ]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"error": "NVML Shared Library Not Found"}, "no GPU (NVIDIA's driver is not installed)"),
        (
            {"error": "Driver/library version mismatch"},
            "no usable GPU (NVIDIA's driver says: Driver/library version mismatch)",
        ),
        ({}, "no GPU (driver 580.65.06 sees none)"),
    ],
)
def test_no_gpu(nvml, options: dict, found: str):
    nvml(**options)
    demo = "device: cpu works for the demo."
    assert lines(gpus.check_gpus(Wants())) == [f"warning gpu: {found}. {demo}"]
    assert lines(gpus.check_gpus(Wants(device="cpu"))) == [f"ok gpu: {found}. {demo}"]
    assert lines(gpus.check_gpus(CUDA)) == [
        f"lacking gpu: {found}. "
        "Run where there is a GPU with NVIDIA's driver, or set device: cpu (works for tiny models)."
    ]


def test_a_driver_that_breaks_when_asked(nvml, monkeypatch: pytest.MonkeyPatch):
    nvml(H100._replace(capability=None))
    (check,) = gpus.check_gpus(Wants())
    assert check.found.startswith("no usable GPU (NVIDIA's driver says: ")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    (check,) = gpus.check_gpus(Wants())
    assert check.found.startswith("no GPU can be asked, pynvml cannot be imported (")


def test_an_old_driver_and_an_old_gpu(nvml):
    nvml(H100._replace(name="Tesla V100", capability=(7, 0)), cuda=12040)
    old = [
        "driver: 580.65.06, runs CUDA up to 12.4; torch 2.11.0+cu130 is built for CUDA 13.0. "
        "Install a driver for CUDA 13.0 or newer.",
        "gpu 0: Tesla V100, 80.0 of 80.0 GiB free, has no bfloat16: compute capability 7.0, wanted 8.0. "
        "Take a GPU of the Ampere generation or newer (A100, H100, RTX 30 and later).",
    ]
    assert lines(gpus.check_gpus(CUDA)) == [f"lacking {line}" for line in old]
    assert lines(gpus.check_gpus(Wants())) == [f"warning {line}" for line in old]


def test_gpus_in_use(nvml):
    nvml(H100._replace(processes=[7]), H100._replace(free=20 * GIB, processes=[-1]))
    _, one, other = lines(gpus.check_gpus(CUDA))
    fix = "Wait, end them, or set CUDA_VISIBLE_DEVICES."
    assert one == f"warning gpu 0: NVIDIA H100, 80.0 of 80.0 GiB free, in use by process 7. {fix}"
    assert other == f"warning gpu 1: NVIDIA H100, 20.0 of 80.0 GiB free, in use by processes unseen. {fix}"


def test_a_smaller_gpu_than_the_config_says(nvml):
    nvml(H100._replace(total=40 * GIB, free=40 * GIB))
    assert lines(gpus.check_gpus(CUDA))[1] == (
        "warning gpu 0: NVIDIA H100, 40.0 of 40.0 GiB free, resources.gpu_memory_gib says 80. "
        "Set resources.gpu_memory_gib: 40"
    )


@pytest.mark.parametrize(
    ("visible", "wanted", "line"),
    [
        (None, 2, ""),
        (None, 4, "lacking gpus: 2, the largest job wants 4. "
         "Set sft.gpus and infer.gpus to at most 2, or run elsewhere."),
        ("1", 1, "warning gpus: 1 of 2 visible (CUDA_VISIBLE_DEVICES=1). Unset CUDA_VISIBLE_DEVICES to use all."),
        ("", 1, "lacking gpus: 0 of 2 visible (CUDA_VISIBLE_DEVICES=), the largest job wants 1. "
         "Set sft.gpus and infer.gpus to at most 0, or run elsewhere."),
        ("0,-1,1", 1, "warning gpus: 1 of 2 visible (CUDA_VISIBLE_DEVICES=0,-1,1). "
         "Unset CUDA_VISIBLE_DEVICES to use all."),
    ],
)  # fmt: skip
def test_number_of_gpus(nvml, monkeypatch: pytest.MonkeyPatch, visible: str | None, wanted: int, line: str):
    nvml(H100, H100)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert lines(gpus.check_gpus(Wants(device="cuda", gpus=wanted)))[3:] == ([line] if line else [])


def test_cuda_of_torch_is_read_without_importing_it(place: Path):
    assert gpus.torch_cuda(Wants()) == ("2.11.0", "")
    environments.lock_file("swift").write_text(LOCK + "nvidia-cuda-runtime==13.0.96\n")
    assert gpus.torch_cuda(Wants()) == ("2.11.0", "13.0")
    version = environments.folder("pipeline") / "lib/python3.11/site-packages/torch/version.py"
    version.parent.mkdir()
    version.write_text("__version__ = '2.10.0+cu126'\ncuda: Optional[str] = '12.6'\n")
    assert gpus.torch_cuda(Wants(swift_env=str(place / ".venv"))) == ("2.10.0+cu126", "12.6")
    assert "torch" not in sys.modules


# The base checkpoint.


def whole_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "qwen3_omni_moe", "architectures": ["Q"]}')
    for name in ("preprocessor_config.json", "tokenizer_config.json", "model.safetensors"):
        (folder / name).write_text("{}")
    return folder


def test_a_model_folder(tmp_path: Path):
    folder = whole_model(tmp_path / "model")
    wants = Wants(device="cpu", model=str(folder), base_gb=1)
    assert lines(checkpoint.check_model(wants)) == [f"ok model: {folder} (1.0 GB)"]
    assert not checkpoint.to_download(wants)
    (folder / "model.safetensors").unlink()
    assert lines(checkpoint.check_model(wants)) == [
        f"lacking model: {folder}: there are no weights (*.safetensors). Name a whole checkpoint folder."
    ]
    (folder / "model.safetensors.index.json").write_text("[1")
    (check,) = checkpoint.check_model(wants)
    assert (check.state, check.fix) == ("lacking", "Copy or download it again.")
    assert lines(checkpoint.check_model(Wants())) == []


def test_a_model_in_the_hubs_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "ms"))
    monkeypatch.chdir(tmp_path)
    wants = Wants(device="cuda", model="Qwen/Q3.5-Omni")
    assert lines(checkpoint.check_model(wants)) == [
        f"warning model: Qwen/Q3.5-Omni is not whole in {tmp_path}. "
        "The run downloads it (66 GB); without a network, set model.path to a folder."
    ]
    assert checkpoint.to_download(wants)
    snapshot = whole_model(tmp_path / "models--Qwen--Q3.5-Omni/snapshots/abc")
    assert lines(checkpoint.check_model(wants)) == [f"ok model: Qwen/Q3.5-Omni lies in {snapshot}"]
    wants = Wants(device="cuda", model="Qwen/Q3.5-Omni", hub="modelscope")
    assert checkpoint.to_download(wants)
    whole_model(tmp_path / "ms/models/Qwen/Q3___5-Omni")
    assert not checkpoint.to_download(wants)


def test_what_a_config_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from omnitune.config.load import load

    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").touch()
    values = {
        "run": "r",
        "model": {"path": "Qwen/X"},
        "sources": {"rows": {"format": "qa", "path": "rows.jsonl"}},
        "resources": {"gpu_memory_gib": 40, "train_mem_gib": 64},
        "experiments": {"a": {}, "b": {"sft": {"tuner": "full", "gpus": 8, "save_total_limit": 3}}},
    }
    assert from_config(*load(values)) == Wants(
        run="r",
        device="cuda",
        model="Qwen/X",
        base_gb=66,
        # a: adapter checkpoints and the merged model; b: weights, three checkpoints, the merged model.
        results_gb=2 + 66 + 66 * (1 + 3 * 7) + 66,
        memory_gib=64,
        gpus=8,
        gpu_memory_gib=40,
    )


def test_configs_that_cannot_be_read(tmp_path: Path):
    for content, what in (
        (None, "cannot be read"),
        ("a: [", "is not YAML"),
        ("[]\n[", "is not YAML"),
        ("7", "holds no"),
    ):
        path = tmp_path / "c.yaml"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
        first = doctor.examine([path])[0]
        assert (first.name, first.state) == ("config", "lacking")
        assert what in first.found, first


def test_the_whole_look_is_fast_and_never_raises(monkeypatch: pytest.MonkeyPatch):
    begun, spent = time.monotonic(), processor_seconds() + time.process_time()
    found = doctor.examine()
    # 0.3 s of a processor, and some waiting; the tests run beside each other.
    assert processor_seconds() + time.process_time() - spent < 3
    assert time.monotonic() - begun < 30
    assert not [check for check in found if "could not be looked at" in check.found]
    monkeypatch.setattr(environments, "is_ready", lambda name: 1 / 0)
    monkeypatch.setattr(environments, "folder", lambda name: 1 / 0)
    states = {check.name: check for check in doctor.examine()}
    assert "ZeroDivisionError" in states["env swift"].found


def test_bad_lock_errors_name_no_place():
    with pytest.raises(PipelineError) as caught:
        pins.pins(Path("/nowhere"))
    assert caught.value.what == "cannot be read (No such file or directory)"
