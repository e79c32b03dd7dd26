"""`sft:` supervised fine-tuning."""

from typing import Any

from pydantic import Field

from omnitune.config.training import TrainingConfig


class SftConfig(TrainingConfig):
    """Supervised fine-tuning; a null takes the recipe's value (table below)."""

    enabled: bool = Field(
        True, description="Train on the answers; false leaves the stage out (`grpo.start_from: base`)."
    )
    swift: dict[str, Any] = Field(
        {}, description="Any other flag of `swift sft`, by its own name; checked against ms-swift."
    )
