"""`resources:` the machine."""

from pydantic import Field

from omnitune.config.base import Positive, Section


class ResourcesConfig(Section):
    """What a job may count on."""

    gpu_memory_gib: Positive = Field(
        80, description="Memory of one GPU in GiB; `recipe: fast` sizes the micro-batch by it."
    )
    train_mem_gib: Positive = Field(128, description="Host memory asked for a training job, GiB.")
    infer_mem_gib: Positive = Field(96, description="Host memory asked for an inference job, GiB.")
    runtime_hours: Positive = Field(72, description="Wall time asked for a training or inference job, hours.")
