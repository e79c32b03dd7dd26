"""Rows of text that tests make runs of."""

from typing import Any

Values = dict[str, Any]


def sums(first: int, count: int) -> list[Values]:
    """Rows of a text source."""
    return [
        {"messages": [{"role": "user", "content": f"{n} + 1 = ?"}, {"role": "assistant", "content": str(n + 1)}]}
        for n in range(first, first + count)
    ]
