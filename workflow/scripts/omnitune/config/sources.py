"""`sources:` the data, one entry per file."""

from typing import Literal

from pydantic import Field

from omnitune.config.base import Name, Positive, Section

Use = Literal["sft", "grpo", "eval"]


class SourceConfig(Section):
    """One file of rows."""

    format: Literal["messages", "qa"] = Field(
        description="`messages`: ms-swift rows, ShareGPT or OpenAI blocks; `qa`: question and answer columns."
    )
    path: str = Field(min_length=1, description="JSONL file.")
    use: list[Use] = Field(
        ["sft", "eval"],
        min_length=1,
        description="What a row may become: trained on (sft), a prompt (grpo), tested on (eval).",
    )
    task: Name = Field("default", description="Which metrics of `score.tasks` rate the answers.")
    columns: dict[str, str] = Field({}, description="Column of the file -> our field, where the names differ.")
    max_rows: Positive | None = Field(None, description="Only the first rows of the file; null takes all.")
    shards: Positive = Field(1, le=1000, description="Independent jobs that convert and validate the file.")
