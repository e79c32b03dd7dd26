"""`deploy:` the final model behind an address."""

from ipaddress import ip_address
from typing import Any, Literal

from pydantic import Field

from omnitune.config.base import Positive, Section


class DeployConfig(Section):
    """What `make serve` starts: the final model behind OpenAI's chat interface, in the foreground."""

    backend: Literal["vllm", "transformers"] | None = Field(
        None, description="What generates; null is vllm, with `device: cpu` transformers."
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address that it listens at.")
    expose: bool = Field(
        False,
        description="Allow a `host` that others can reach: whoever does may use the model, there is no key.",
    )
    port: int = Field(8000, ge=1, le=65535, description="Port; `make serve PORT=` wins.")
    gpus: Positive = Field(1, le=64, description="GPUs that the model is spread over; none with `device: cpu`.")
    swift: dict[str, Any] = Field(
        {}, description="Any other flag of `swift deploy`, by its own name; checked against ms-swift."
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False  # a name: it may lead anywhere
