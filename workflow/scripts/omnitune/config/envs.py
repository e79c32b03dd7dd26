"""`envs:` a site's own environments."""

from pydantic import Field

from omnitune.config.base import Section


class EnvsConfig(Section):
    """Folders of existing Python environments (they hold bin/python), used instead of ours."""

    swift: str | None = Field(
        None, description="Environment with ms-swift; null takes the one `make setup` built."
    )
