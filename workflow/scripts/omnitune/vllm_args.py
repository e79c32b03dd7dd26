"""vLLM's share of ms-swift's arguments: flags and variables that every command with vLLM in it is given."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from omnitune.errors import PipelineError

# Settings of an engine by which it would compute with other numbers than are trained.
_NUMBERS = ("dtype", "quantization")


def engine(device: Literal["cuda", "cpu"], length: int | None = None) -> dict[str, Any]:
    """Flags of the engine.

    Args:
        length: tokens of a prompt and its answer together, at most; None is as many as the model takes.
    """
    flags: dict[str, Any] = {}
    if length:
        # Memory is set aside for one text of this length, which is far from the model's own limit.
        flags["vllm_max_model_len"] = length
    if device == "cpu":
        flags["vllm_enforce_eager"] = True  # compiling takes longer than any run on a CPU
    return flags


def environment(device: Literal["cuda", "cpu"]) -> dict[str, str]:
    """Variables that vLLM reads."""
    if device == "cuda":
        # The default sampler and the default matrix kernels for Hopper are compiled when first used, by a compiler
        # that a training node need not have.
        return {
            "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
            "VLLM_USE_FLASHINFER_SAMPLER": "0",
            "VLLM_USE_DEEP_GEMM": "0",
        }
    return {
        # The engine in the process that asks for it: weights are handed over there, and a process less is started.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
        # Of itself it would bind threads to all cores, the trainer's among them.
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "TORCHDYNAMO_DISABLE": "1",  # the first request would wait half a minute
    }


def refuse_other_numbers(section: str, swift: Mapping[str, Any]) -> None:
    """Refuse flags by which vLLM would sample for GRPO from other numbers than are trained.

    Args:
        section: the config's key that holds the flags, as `grpo.swift`.
    """
    for name, value in swift.items():
        flag = name.replace("-", "_")
        engine = _mapping(value) if flag == "vllm_engine_kwargs" else {}
        for inner in _NUMBERS:
            if inner in engine or flag == f"vllm_{inner}":
                raise PipelineError(
                    f"{inner} is set by the pipeline: what samples computes as what is trained does",
                    where=f"{section}.{name}",
                    fix="Remove it.",
                )


def _mapping(value: Any) -> Mapping[str, Any]:
    """A map, or one as JSON text; what is neither is ms-swift's to refuse."""
    try:
        told = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return {}
    return told if isinstance(told, Mapping) else {}
