"""Config -> the arguments of `swift rollout`, which samples for GRPO; a file of the form of swift_args."""

from collections.abc import Mapping, Sequence
from typing import Any

from omnitune import vllm_args
from omnitune.config.grpo import GrpoConfig
from omnitune.config.media import MediaConfig
from omnitune.errors import PipelineError
from omnitune.grpo_args import sampled_length
from omnitune.swift_args import Arguments, Device, as_text, common, media_environment

VERSION = 1
HOST = "127.0.0.1"

# What the config's own keys, the training or the launcher decide.
OWNED = {
    "model", "model_type", "template", "torch_dtype", "load_args", "adapters", "host", "port", "verbose",
    "log_interval", "log_level", "infer_backend", "external_plugins", "vllm_tensor_parallel_size",
    "vllm_data_parallel_size", "vllm_gpu_memory_utilization", "vllm_max_model_len", "vllm_enable_lora", "ENV",
}  # fmt: skip


def refuse_owned(swift: Mapping[str, Any]) -> None:
    """Refuse flags of `grpo.server.swift` that are set already."""
    vllm_args.refuse_other_numbers("grpo.server.swift", swift)
    for flag in swift:
        if flag.replace("-", "_") in OWNED:
            raise PipelineError(
                "it is set by the pipeline", where=f"grpo.server.swift.{flag}", fix="Remove it; see grpo.server."
            )


def rollout(
    settings: GrpoConfig, *, media: MediaConfig, device: Device, model: str, plugins: Sequence[str]
) -> Arguments:
    """Arguments of `swift rollout`; its port and its devices are the launcher's.

    Args:
        settings: the section with the recipe filled in.
        model: folder of the model that the policy starts from; the training sends it the policy's own weights
            before it samples, an adapter merged into them.
        plugins: Python files that the server loads first.
    """
    server = settings.server
    arguments: Arguments = {
        **common(model, device),
        "external_plugins": list(plugins),
        "load_args": False,
        "host": HOST,
        "verbose": False,
        "log_interval": -1,
        "log_level": "info",  # the launcher reads there where it listens
        "vllm_tensor_parallel_size": server.tensor_parallel,
        "vllm_data_parallel_size": 1 if device == "cpu" else server.gpus // server.tensor_parallel,
        "vllm_gpu_memory_utilization": settings.vllm_gpu_memory_utilization,
        **vllm_args.engine(device, sampled_length(settings)),
    }
    # The variables are the training's own: what sizes the media there sizes them here.
    variables = media_environment(media) | vllm_args.environment(device)
    return as_text(arguments | server.swift) | {"ENV": variables}


def found_at(port: int) -> Arguments:
    """How a training finds the server; the weights come in by the next port."""
    return {"vllm_server_host": HOST, "vllm_server_port": port, "vllm_server_group_port": port + 1}
