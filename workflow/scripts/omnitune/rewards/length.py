"""length: whether a completion has the length that is wanted."""

from collections.abc import Sequence
from typing import Any


def length(
    completions: Sequence[str],
    *,
    response_token_ids: Sequence[Any] | None = None,
    least: int = 1,
    most: int = 512,
    slack: int = 128,
    **_: Any,
) -> list[float]:
    """1 for a completion of `least` to `most` tokens, falling to 0 over `slack` tokens on either side.

    Args:
        response_token_ids: the sampled tokens, which ms-swift gives; without them (or of an empty completion)
            words are counted.
        least, most, slack: in tokens.
    """
    sampled = response_token_ids or [None] * len(completions)
    counts = [_tokens(ids) or len(text.split()) for text, ids in zip(completions, sampled, strict=True)]
    return [max(0.0, 1 - max(least - count, count - most, 0) / slack) for count in counts]


def _tokens(ids: Any) -> int:
    """Of one turn ms-swift gives the tokens, of several a list of them."""
    return sum(len(turn) if isinstance(turn, list) else 1 for turn in ids or ())
