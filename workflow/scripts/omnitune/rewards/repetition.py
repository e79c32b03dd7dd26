"""repetition: a penalty for saying the same again."""

from collections.abc import Sequence
from typing import Any, Literal


def repetition(
    completions: Sequence[str], *, n: int = 3, unit: Literal["word", "char"] = "word", **_: Any
) -> list[float]:
    """Minus the share of n-grams that were there before: 0 without any repetition, towards -1 for a loop.

    The measure is that of Yeo et al. 2025 (arXiv 2502.03373), as in ms-swift's reward of this name.

    Args:
        n: units of one n-gram.
        unit: words, or characters for scripts without blanks.
    """
    return [
        -_repeated(text.lower().split() if unit == "word" else list("".join(text.split())), n)
        for text in completions
    ]


def _repeated(units: Sequence[str], n: int) -> float:
    grams = [tuple(units[i : i + n]) for i in range(len(units) - n + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0
