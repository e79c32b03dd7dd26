"""What a training must be true to before its first step."""

from typing import Any


def check(trainer: Any) -> None:
    """Refuse a trainer that is not what its arguments say."""
