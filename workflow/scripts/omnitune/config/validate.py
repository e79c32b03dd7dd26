"""`validate:` what the rows must be like."""

from pydantic import Field

from omnitune.config.base import Section, Share


class ValidateConfig(Section):
    """When the data is too bad to go on."""

    max_rejected: Share = Field(0.02, description="Share of rejected rows of a source above which the run stops.")
