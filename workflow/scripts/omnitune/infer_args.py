"""What `swift infer` is told, and how a command that answers shares the work; a file of the form of swift_args."""

from typing import Literal

from omnitune import vllm_args
from omnitune.config.infer import InferConfig
from omnitune.config.media import MediaConfig
from omnitune.swift_args import Arguments, Device, as_text, common, media_environment

Backend = Literal["transformers", "vllm"]


def infer(
    settings: InferConfig,
    *,
    media: MediaConfig,
    device: Device,
    model: str,
    adapter: str | None,
    test: str,
    output: str,
) -> Arguments:
    """Arguments of `swift infer` over the test rows.

    Args:
        model: folder of the base or of the final model.
        adapter: folder of an adapter trained on `model`, or None.
        output: the raw result file.
    """
    arguments: Arguments = {
        **common(model, device),
        "infer_backend": settings.backend,
        "val_dataset": [test],
        "split_dataset_ratio": 0,
        "strict": True,
        "load_args": False,
        "temperature": settings.temperature,
        "max_new_tokens": settings.max_new_tokens,
        "stream": False,
        # Answers are on disk after each batch of this many rows, not only at the end.
        "write_batch_size": settings.batch_size * 8,
        "result_path": output,
    }
    if adapter:
        arguments["adapters"] = [adapter]
    arguments |= generation(settings.backend, device, gpus=settings.gpus, batch=settings.batch_size)
    return as_text(arguments) | {"ENV": generation_environment(settings.backend, device, media)}


def generation(backend: Backend, device: Device, *, gpus: int, batch: int) -> Arguments:
    """What answers, and how it shares the work."""
    if backend == "vllm":
        return {"vllm_tensor_parallel_size": 1 if device == "cpu" else gpus} | vllm_args.engine(device)
    return {"max_batch_size": batch} | ({"device_map": "cpu"} if device == "cpu" else {})


def generation_environment(backend: Backend, device: Device, media: MediaConfig) -> dict[str, str]:
    """Variables of a command that generates."""
    return media_environment(media) | (vllm_args.environment(device) if backend == "vllm" else {})
