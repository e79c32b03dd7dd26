"""Config -> the arguments of `swift deploy`, a file of the form of swift_args."""

from collections.abc import Mapping
from typing import Any

from omnitune.config.deploy import DeployConfig
from omnitune.config.infer import InferConfig
from omnitune.config.media import MediaConfig
from omnitune.errors import PipelineError
from omnitune.infer_args import Backend, generation, generation_environment
from omnitune.swift_args import Arguments, Device, as_text, common

VERSION = 1
# In ENV: what the launcher needs to know, and ms-swift does not.
GPUS = "OMNITUNE_GPUS"
ENVIRONMENT = "OMNITUNE_SWIFT"

# What the config's own keys or the pipeline decide.
OWNED = {
    "model", "model_type", "template", "torch_dtype", "infer_backend", "load_args", "host", "port",
    "served_model_name", "temperature", "max_new_tokens", "verbose", "log_interval", "log_level",
    "vllm_tensor_parallel_size", "max_batch_size", "device_map", "ENV",
}  # fmt: skip


def refuse_owned(swift: Mapping[str, Any]) -> None:
    """Refuse flags of `deploy.swift` that are set already."""
    for flag in swift:
        if flag.replace("-", "_") in OWNED:
            raise PipelineError(
                "it is set by the pipeline", where=f"deploy.swift.{flag}", fix="Remove it; see deploy and infer."
            )


def deploy(
    settings: DeployConfig,
    *,
    infer: InferConfig,
    media: MediaConfig,
    device: Device,
    model: str,
    name: str,
    environment: str | None,
) -> Arguments:
    """Arguments of `swift deploy` for the final model.

    A request that names no temperature or length gets those that the model was scored with.

    Args:
        infer: the section that the model was scored with.
        model: folder of the final model.
        name: by which clients ask for it.
        environment: the site's own environment with what the backend needs, or None.
    """
    backend = backend_of(settings, device)
    arguments: Arguments = {
        **common(model, device),
        "infer_backend": backend,
        "load_args": False,
        "host": settings.host,
        "port": settings.port,
        "served_model_name": name,
        "temperature": infer.temperature,
        "max_new_tokens": infer.max_new_tokens,
        # What clients send is theirs, and a log that grows while nothing happens fills the disk.
        "verbose": False,
        "log_interval": -1,
        "log_level": "info",
    }
    arguments |= generation(backend, device, gpus=settings.gpus, batch=infer.batch_size)
    launch = {
        GPUS: str(0 if device == "cpu" else settings.gpus),
        # A client could have any file of this machine read by naming its path: nothing lies below this one.
        "SWIFT_MEDIA_ALLOWED_DIRS": "/dev/null/none",
    }
    if environment:
        launch[ENVIRONMENT] = environment
    return as_text(arguments | settings.swift) | {"ENV": generation_environment(backend, device, media) | launch}


def backend_of(settings: DeployConfig, device: Device) -> Backend:
    """What generates: vLLM where there are GPUs, unless the config says otherwise."""
    return settings.backend or ("transformers" if device == "cpu" else "vllm")
