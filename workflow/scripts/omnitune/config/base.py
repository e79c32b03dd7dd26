"""What every config model shares: strict types, no unknown key, nothing changed after loading."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from omnitune import run_name


class Section(BaseModel):
    """A part of the config; its field descriptions are the reference in config/README.md."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Name = Annotated[str, Field(pattern=f"^{run_name.CHARACTERS}+$", max_length=run_name.LONGEST)]
Positive = Annotated[int, Field(ge=1)]
# An integer is a number too in YAML: `epochs: 1`.
PositiveNumber = Annotated[float, Field(gt=0, strict=False)]
Share = Annotated[float, Field(ge=0, le=1, strict=False)]
