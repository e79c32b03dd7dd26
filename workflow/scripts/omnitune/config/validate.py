"""`validate:` what the rows must be like."""

from typing import Literal

from pydantic import Field

from omnitune.config.base import Positive, PositiveNumber, Section, Share


class ValidateConfig(Section):
    """How closely rows and media are looked at, and when the data is too bad to go on."""

    media: Literal["header", "hash", "decode"] = Field(
        "header",
        description="How far media are read. `header`: what the file says of itself; `hash`: every byte, which "
        "also finds equal files under other names; `decode`: every sample and pixel, in processes of their own.",
    )
    decode_share: Share = Field(
        1.0,
        gt=0,
        description="Share of the files that `media: decode` decodes, drawn by their path; the others "
        "are read as for `hash`.",
    )
    decode_seconds: PositiveNumber = Field(
        60.0, description="Seconds that decoding one file may take; longer rejects the file."
    )
    processes: Positive = Field(2, description="Processes of one job that read media.")
    audio_max_seconds: PositiveNumber = Field(1800.0, description="Longest sound, by its header.")
    video_max_seconds: PositiveNumber = Field(7200.0, description="Longest clip, by its header.")
    image_max_pixels: Positive = Field(50_000_000, description="Largest picture in pixels, by its header.")
    lengths: bool = Field(
        True,
        description="Count the tokens of every row, media included, and reject those longer than the trainings' "
        "`max_length`. Needs the base; false to look at data without one.",
    )
    urls: list[str] = Field(
        [],
        description="Beginnings of the URLs that media may be fetched from, such as `https://{host}/folder/`; "
        "others are refused. What is fetched is kept in the run's folder.",
    )
    policy: dict[str, Literal["reject", "repair", "warn", "fail", "ignore"]] = Field(
        {},
        description="Code -> what is done about such rows, where the default of docs/codes.md is not wanted: "
        "`fail` stops the run, `warn` notes it in the ledger, `ignore` says nothing.",
    )
    max_rejected: Share = Field(0.02, description="Share of rejected rows of a source above which the run stops.")
