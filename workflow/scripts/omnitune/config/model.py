"""`model:` the base checkpoint."""

from typing import Literal

from pydantic import Field

from omnitune.config.base import Section


class ModelConfig(Section):
    """The base checkpoint that is fine-tuned and compared with."""

    path: str = Field(
        "Qwen/Qwen3-Omni-30B-A3B-Instruct",
        min_length=1,
        description="Folder of the checkpoint, or its id on the hub.",
    )
    hub: Literal["huggingface", "modelscope"] = Field(
        "huggingface", description="Where an id is looked up; a folder is never looked up."
    )
    revision: str | None = Field(
        None, description="Commit or tag on the hub; null takes the newest and records it."
    )
