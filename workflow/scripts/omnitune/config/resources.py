"""`resources:` the machine."""

from pydantic import Field

from omnitune.config.base import Positive, PositiveNumber, Section


class ResourcesConfig(Section):
    """What a job may count on."""

    gpu_memory_gib: Positive = Field(
        80, description="Memory of one GPU in GiB; `recipe: fast` sizes the micro-batch by it."
    )
    train_mem_gib: Positive = Field(128, description="Host memory asked for a training job, GiB.")
    infer_mem_gib: Positive = Field(96, description="Host memory asked for an inference job, GiB.")
    runtime_hours: Positive = Field(72, description="Wall time asked for a training or inference job, hours.")
    retries: int = Field(
        2,
        ge=0,
        le=10,
        description="How often a training, an inference, a merge or its proof that failed is tried again without "
        "a person; it goes on from what it has. Never when it would fail in the same way.",
    )
    first_step_minutes: PositiveNumber = Field(
        30,
        description="A training without a sign of life before its first step is ended after this time: loading, "
        "mapping of rows and compiling fall in it. So is one that saves or samples, and an inference or a merge's "
        "proof, from beginning to end, without output; and a rollout server that starts for so long, and for half "
        "an hour at least.",
    )
    stall_minutes: PositiveNumber = Field(
        10,
        description="A training without a sign of life after a step is ended after this time, and resumes; not "
        "while it saves or samples.",
    )
    grace_minutes: PositiveNumber = Field(
        1.5,
        description="Time for a step to end when a training is asked to end. A last checkpoint that is being "
        "written then is waited for. On Slurm the warning of `--signal` in the profile must leave time for both.",
    )
