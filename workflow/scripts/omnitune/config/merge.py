"""`merge:` the final model."""

from pydantic import Field

from omnitune.config.base import Section


class MergeConfig(Section):
    """Base weights plus what training changed; talker and code2wav stay the base's."""

    enabled: bool = Field(
        True, description="Make the final model; without it nothing after sft runs on the trained weights."
    )
    parity_rows: int = Field(
        4,
        ge=0,
        le=1000,
        description="Rows of val that the final model and what it was merged from must answer alike before "
        "anything goes on; loads each once. 0 asks nothing.",
    )
