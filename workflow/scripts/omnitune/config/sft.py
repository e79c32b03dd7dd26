"""`sft:` supervised fine-tuning."""

from typing import Any, Literal

from pydantic import Field

from omnitune.config.training import TrainingConfig


class SftConfig(TrainingConfig):
    """Supervised fine-tuning; a null takes the recipe's value (table below)."""

    enabled: bool = Field(
        True, description="Train on the answers; false leaves the stage out (`grpo.start_from: base`)."
    )
    group_by_length: bool = Field(
        False,
        description="Make batches of rows of like length, so that little of them is padding. Lengths are those of "
        "`validate.lengths`; rows are not encoded for it.",
    )
    publish: Literal["last", "best"] = Field(
        "last",
        description="Which checkpoint becomes the model: the last, or that with the lowest loss on val (`best`).",
    )
    packing: bool = Field(
        False,
        description="Join short rows to one of up to `max_length`; `micro_batch` and `effective_batch` then count "
        "joined rows. Needs a flash attention implementation in the environment of ms-swift, so no CPU.",
    )
    padding_free: bool | Literal["auto"] | None = Field(
        None,
        description="Put the rows of a batch behind each other instead of padding them: the same rows a step, in "
        "less time. Needs what `packing` needs; `auto` does it where the environment has that.",
    )
    resume_adapter: str | None = Field(
        None,
        min_length=1,
        description="Folder of a finished adapter of the same shape on the same base "
        "(`results/RUN/NAME/sft/model`): train it on instead of a new one.",
    )
    swift: dict[str, Any] = Field(
        {}, description="Any other flag of `swift sft`, by its own name; checked against ms-swift."
    )

    @property
    def by_length(self) -> bool:
        """Whether ms-swift must know the rows' lengths before it encodes them."""
        return self.group_by_length or self.packing
