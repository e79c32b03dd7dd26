"""vLLM's share of ms-swift's arguments: flags and variables that every command with vLLM in it is given."""

from typing import Any, Literal


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
