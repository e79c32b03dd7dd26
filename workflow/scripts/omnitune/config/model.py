"""`model:` the base checkpoint."""

from pathlib import Path
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


def is_hub_id(path: str) -> bool:
    """Whether `path` can only be a hub id: `owner/name`, and no such folder here."""
    return path.count("/") == 1 and path[0] not in "./~" and not Path(path).is_dir()
