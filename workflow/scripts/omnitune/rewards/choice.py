"""choice: whether a completion picks the option that the solution names."""

import re
from collections.abc import Sequence
from typing import Any

from omnitune.rewards.answer import answer_of, solution_of

# Markdown and LaTeX around a letter: **B**, `B`, $B$, \(B\), \text{B}.
_marks = re.compile(r"[*$`]|\\[()\[\]]")
_wrapped = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}")
_boxed = re.compile(r"\\(?:boxed|fbox)\s*\{([^{}]*)\}")

_letter = r"[(\[]?([A-Z])(?![A-Za-z'])"
# What is said to be the answer. The last one counts: a chain of thought weighs others before it.
_told = re.compile(
    rf"\b(?i:answer|choice)(?i:\s+is\s*:?|\s*[:=])\s*(?i:(?:option|choice|letter)\s+)?{_letter}"
    rf"|\b(?i:choose|pick|select)\s+(?i:(?:option|choice|answer)\s+)?{_letter}"
    r"|(?<![A-Za-z'])([A-Z])[)\]]?\s+is\s+(?:the\s+)?(?:right|correct|best|answer)\b"
)
# B, (B), B., B) cat, [B]: a letter that something closes. "A cat" is a sentence, and its A no option.
_first = re.compile(r"[(\[]?([A-Za-z])([)\].:,]|$)")
# A) cat, B) dog: the options said again, and none picked.
_listed = re.compile(r"[(\[]?A([)\].:,]).*(?<!not )(?<!not [(\[])\bB\1", re.DOTALL)
_option = re.compile(rf"\b(?i:answer|option|choice)\s+{_letter}")
_closed = re.compile(r"[(\[]([A-Z])[)\]]")
# Words of a line that is an answer and not the beginning of a thought.
_SHORT = 30


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
    """The option that a text picks, in upper case; None when it picks none.

    What stands in a box, else what it says is the answer, else the letter that a short answer begins with, else an
    option that it speaks of.
    """
    text = _bare(text)
    if boxes := _boxed.findall(text):
        text = boxes[-1].strip()
    text = _boxed.sub(r"\1", text).strip()
    if told := _told.findall(text):
        return "".join(told[-1])
    if _listed.match(text):
        return None
    found = _first.match(text)
    if found and len(text.splitlines()[0].split()) <= _SHORT:
        return found[1].upper()
    named = _option.findall(text) or _closed.findall(text)
    return named[-1] if named else None


def _bare(text: str) -> str:
    text = _marks.sub("", text)
    while (inner := _wrapped.sub(r"\1", text)) != text:
        text = inner
    return text


def _plain(text: str) -> str:
    return " ".join(_boxed.sub(r"\1", text).split()).strip("*$` ").casefold().rstrip(".")
