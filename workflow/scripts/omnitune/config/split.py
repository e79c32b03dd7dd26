"""`split:` which rows are trained on, watched and tested."""

from pydantic import Field

from omnitune.config.base import Section, Share


class SplitConfig(Section):
    """Shares of the rows; assignment is by hash of the media, so added rows move none."""

    val: Share = Field(0.01, le=0.5, description="Share watched during training (eval loss).")
    test: Share = Field(
        0.05, le=0.9, description="Share of sources with `eval` in `use` that is scored and never trained on."
    )
    seed: int = Field(17, ge=0, description="Another seed, another split.")
