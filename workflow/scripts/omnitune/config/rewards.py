"""What the config sets of a reward: its weight, and options by its kind."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from omnitune.config.base import Positive, PositiveNumber, Section

# Below zero it is a penalty.
Weight = Annotated[float, Field(strict=False)]
Unit = Literal["word", "char"]


class RewardConfig(Section):
    """A reward's weight and its options: those listed here, or keyword arguments of your own function."""

    model_config = ConfigDict(extra="allow")

    weight: Weight = Field(1.0, description="Its share in the sum that is made more likely; below 0 a penalty.")

    @property
    def options(self) -> dict[str, Any]:
        """What is set besides the weight."""
        return dict(self.model_extra or {})

    @property
    def files(self) -> dict[str, str]:
        """Option -> path, of those that name a file: `file` and `..._file`. Another key makes no other reward."""
        return {
            name: path
            for name, path in self.options.items()
            if (name == "file" or name.endswith("_file")) and name != "key_file" and isinstance(path, str)
        }


def _spelt_out(value: Any) -> Any:
    return {"weight": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


Rewards = dict[
    str,
    Annotated[
        RewardConfig,
        BeforeValidator(_spelt_out),
        WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "object"}]}),
    ],
]


class AsrOptions(Section):
    """Of `asr`."""

    unit: Unit = Field("word", description="`word` is 1 - WER, `char` 1 - CER.")
    ignore_case: bool = Field(False, description="Upper and lower case are the same.")
    ignore_punctuation: bool = Field(False, description="Leave punctuation out of the comparison.")


class JsonSchemaOptions(Section):
    """Of `json_schema`."""

    file: str = Field(min_length=1, description="JSON file with the schema of the answer.")


class LengthOptions(Section):
    """Of `length`."""

    least: Positive = Field(1, description="Tokens of a completion from which on it is long enough.")
    most: Positive = Field(512, description="Tokens up to which it is not too long.")
    slack: Positive = Field(128, description="Tokens over which the reward falls from 1 to 0 on either side.")


class RepetitionOptions(Section):
    """Of `repetition`."""

    n: Positive = Field(3, description="Words (or characters) of one n-gram.")
    unit: Unit = Field("word", description="`char` for scripts without blanks.")


class LlmJudgeOptions(Section):
    """Of `llm_judge`."""

    url: str = Field(pattern="^https?://", description="Base of an OpenAI-compatible interface, with its /v1.")
    model: str = Field(min_length=1, description="The judge's name there.")
    rubric: str = Field(
        "Rate how well the answer agrees with the reference and answers the question.",
        description="What the judge is told to rate.",
    )
    scale: PositiveNumber = Field(10.0, description="The best rating; the reward is the rating over it.")
    key_file: str | None = Field(
        None, min_length=1, description="File that holds the key, if the server wants one."
    )
    concurrency: Positive = Field(8, le=256, description="Requests at the same time, of each process.")
    timeout: PositiveNumber = Field(60.0, description="Seconds that one request may take.")
    retries: int = Field(
        3, ge=0, le=10, description="Repetitions of a request that fails while others of its batch get a reply."
    )
    patience: PositiveNumber = Field(
        600.0,
        description="Seconds without any reply, while requests are repeated, after which the training ends, to be "
        "started again; less than `resources.first_step_minutes`.",
    )


# Rewards of ours that are not here have no options.
OPTIONS: Mapping[str, type[Section]] = {
    "asr": AsrOptions,
    "json_schema": JsonSchemaOptions,
    "length": LengthOptions,
    "repetition": RepetitionOptions,
    "llm_judge": LlmJudgeOptions,
}
