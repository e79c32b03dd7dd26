"""choice: whether a completion picks the option that the solution names."""

import re
from collections.abc import Sequence
from typing import Any

from omnitune.rewards.answer import answer_of, solution_of

# B, (B), B., B) cat, [B]: a letter that something closes. "A cat" is a sentence, and its A no option.
_first = re.compile(r"[(\[]?([A-Za-z])(?:[)\].:,]|$)")
# The answer is B; option (C); Answer: D. The last one counts: a chain of thought weighs others before it.
_named = re.compile(
    r"(?:answer|option|choice)(?:\s+is|\s*[:=])?\s*[:=]?\s*[(\[]?([A-Z])(?![A-Za-z'])", re.IGNORECASE
)
_closed = re.compile(r"[(\[]([A-Z])[)\]]")


def choice(completions: Sequence[str], *, solution: Sequence[Any], **_: Any) -> list[float]:
    """1 where the letter that the completion picks is the solution's, else 0.

    A solution without a letter ("the red one") is compared as text, case and blanks aside.
    """
    return [
        float(_same(answer_of(text), solution_of(gold))) for text, gold in zip(completions, solution, strict=True)
    ]


def _same(answer: str, gold: str) -> bool:
    if not gold:
        return False
    wanted = letter_in(gold)
    if wanted is None or _plain(answer) == _plain(gold):
        return _plain(answer) == _plain(gold)
    return letter_in(answer) == wanted


def letter_in(text: str) -> str | None:
    """The option that a text picks, in upper case; None when it picks none."""
    if found := _first.match(text):
        return found[1].upper()
    named = [letter for letter in _named.findall(text) if letter.isupper()] or _closed.findall(text)
    return named[-1] if named else None


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold().rstrip(".")
