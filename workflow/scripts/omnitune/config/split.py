"""`split:` which rows are trained on, watched and tested."""

from typing import Literal

from pydantic import Field

from omnitune.config.base import Section, Share


class SplitConfig(Section):
    """Shares of the rows; assignment is by hash of the media, so added rows move none."""

    val: Share = Field(0.01, le=0.5, description="Share watched during training (eval loss).")
    test: Share = Field(
        0.05, le=0.9, description="Share of sources with `eval` in `use` that is scored and never trained on."
    )
    duplicates: Literal["drop", "keep"] = Field(
        "drop",
        description="Rows with the turns and media of another one: `drop` keeps one of them, for the test before "
        "training.",
    )
    near_duplicates: Share = Field(
        0.0,
        description="Jaccard similarity of texts (character 5-grams) from which rows stay on one side of the "
        "split, with a warning in the ledger; 0: texts are not compared.",
    )
    seed: int = Field(17, ge=0, description="Another seed, another split.")
