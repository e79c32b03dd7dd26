"""`envs:` a site's own environments."""

from pydantic import Field

from omnitune.config.base import Section


class EnvsConfig(Section):
    """Folders of existing Python environments (they hold bin/python), used instead of ours."""

    swift: str | None = Field(
        None, description="Environment with ms-swift; null takes the one `make setup` built."
    )
    vllm: str | None = Field(
        None, description="Environment with ms-swift and vLLM; null takes ours, built when a run first needs it."
    )
    vllm_cpu: str | None = Field(None, alias="vllm-cpu", description="The same for `device: cpu`.")

    def own(self, name: str) -> str | None:
        """The site's folder for an environment of ours, if it has one."""
        return getattr(self, name.replace("-", "_"))
