"""format: whether a completion thinks first and then answers, in tags."""

import re
from collections.abc import Sequence
from typing import Any

_shape = re.compile(r"\s*<think>.*?</think>\s*<answer>.*?</answer>\s*", re.DOTALL)


def format(completions: Sequence[str], **_: Any) -> list[float]:
    """1 for `<think>...</think><answer>...</answer>` and nothing else, else 0.

    The Instruct model writes so only when the system prompt asks for it.
    """
    return [float(bool(_shape.fullmatch(text)) and text.count("<answer>") == 1) for text in completions]
