"""The nearest settings with which a training fits."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product
from typing import Any

from omnitune.fit.memory import need
from omnitune.fit.setup import Setup

# Every remedy is a key of the stage's section; of equally many changes the earlier ones are taken.
_MOST_CHANGES = 5


def remedy(setup: Setup) -> dict[str, Any] | None:
    """The fewest keys to change so that rows of the longest length fit; None when nothing here helps."""
    options = dict(_options(setup))
    for count in range(1, _MOST_CHANGES + 1):
        for keys in combinations(options, count):
            for values in product(*(options[key] for key in keys)):
                changes = dict(zip(keys, values, strict=True))
                changed = replace(setup, **changes)
                if _is_whole(changed) and need(changed).fits(setup.gpu_gib):
                    return changes
    return None


def _is_whole(setup: Setup) -> bool:
    """Whether a server's GPUs hold a whole number of copies."""
    return not setup.server_gpus or setup.server_gpus % setup.server_tensor_parallel == 0


def _options(setup: Setup) -> Iterator[tuple[str, list[Any]]]:
    offloaded = [] if setup.colocate or setup.deepspeed.endswith("offload") else ["zero3_offload"]
    presets = (["zero3"] if setup.stage < 3 and setup.gpus > 1 else []) + offloaded
    if presets:
        yield "deepspeed", presets
    if setup.colocate:
        yield from _sharing(setup)
    if setup.server_tensor_parallel:
        yield "vllm_gpu_memory_utilization", [0.6, 0.8, 0.9]
        yield "server_tensor_parallel", [size for size in (2, 4, 8) if size > setup.server_tensor_parallel]
        if not setup.move_model_batches:
            yield "move_model_batches", [16]
        yield "server_gpus", [count for count in (2, 4, 8) if count > setup.server_gpus]
    if setup.sampled and setup.gathers:
        yield "gathers", [False]  # each layer for each token: slow
    if not setup.gradient_checkpointing:
        yield "gradient_checkpointing", [True]
    if setup.micro_batch > 1:
        yield "micro_batch", [1]
    yield "gpus", [setup.gpus * factor for factor in (2, 4, 8)]


def _sharing(setup: Setup) -> Iterator[tuple[str, list[Any]]]:
    """How vLLM and the training get along on one GPU."""
    sizes = [size for size in (2, 4, 8) if size > setup.vllm_tensor_parallel_size and setup.gpus % size == 0]
    if sizes:
        yield "vllm_tensor_parallel_size", sizes
    if not setup.sleep_level:
        yield "sleep_level", [1]
    if not setup.move_model_batches:
        yield "move_model_batches", [16]
    if not setup.offload_model and (setup.deepspeed != "none" or setup.gpus == 1):
        yield "offload_model", [True]
    if not setup.offload_optimizer:
        yield "offload_optimizer", [True]
    yield "vllm_gpu_memory_utilization", [0.4, 0.6, 0.8]
