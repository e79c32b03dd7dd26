"""`sources:` the data, one entry per file or folder."""

from typing import Literal

from pydantic import Field

from omnitune.config.base import Name, Positive, Section
from omnitune.converters.templates import TEXT, Templates

Use = Literal["sft", "grpo", "eval"]


class SourceConfig(Section):
    """One file or folder of rows."""

    format: Literal["unified", "qa", "messages", "csv", "tsv", "json", "jsonl", "parquet", "folder"] = Field(
        description="`messages`: ms-swift rows, ShareGPT or OpenAI blocks; `qa`: question and answer columns; "
        "`unified`: text and media. Their file may be of any kind, by its suffix. `csv`, `tsv`, `json`, `jsonl`, "
        "`parquet`, `folder`: the kind of file; each row is one of those three by its columns."
    )
    path: str = Field(min_length=1, description="File of rows, or folder of media.")
    use: list[Use] = Field(
        ["sft", "eval"],
        min_length=1,
        description="What a row may become: trained on (sft), a prompt (grpo), tested on (eval).",
    )
    task: Name = Field("default", description="Which metrics of `score.tasks` rate the answers.")
    columns: dict[str, str] = Field({}, description="Column of the file -> our field, where the names differ.")
    max_rows: Positive | None = Field(None, description="Only the first rows of the source; null takes all.")
    shards: Positive = Field(
        1, le=1000, description="Independent jobs that convert and validate a JSONL or Parquet file."
    )
    system: str | None = Field(None, min_length=1, description="System prompt of rows without one of their own.")
    user_template: str = Field(
        Templates().user,
        min_length=1,
        description="Question of unified rows: `{modality_tag}` is the row's markers, `{text}` its text; with "
        "`{text}` here and no assistant_template the rows are prompts without an answer.",
    )
    assistant_template: str | None = Field(
        Templates().assistant, min_length=1, description="Answer of unified rows; null makes prompts without one."
    )
    extract_audio: bool = Field(
        False, description="Whether a row's videos are followed by their sound as audio of its own."
    )

    def templates(self) -> Templates:
        """The turns of unified rows, as meant: a text in the question is no answer unless it is said to be."""
        if TEXT in self.user_template and "assistant_template" not in self.model_fields_set:
            return Templates(self.user_template, None)
        return Templates(self.user_template, self.assistant_template)
