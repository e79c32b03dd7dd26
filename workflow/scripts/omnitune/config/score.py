"""`score:` how answers are rated."""

from typing import Literal

from pydantic import Field

from omnitune.config.base import Name, Section

Metric = Literal["exact_match", "wer", "cer", "math_verify"]


class ScoreConfig(Section):
    """Metrics by task; a task that is not listed takes those of `default`."""

    tasks: dict[Name, list[Metric]] = Field(
        {"default": ["exact_match"]},
        description="Task of a source -> its metrics: exact_match, wer, cer, math_verify.",
    )
