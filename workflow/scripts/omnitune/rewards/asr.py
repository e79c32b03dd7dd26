"""asr: how much of the spoken text a completion transcribes."""

import unicodedata
from collections.abc import Sequence
from typing import Any, Literal

from omnitune.rewards.answer import answer_of, solution_of
from omnitune.rewards.edit_distance import edits


def asr(
    completions: Sequence[str],
    *,
    solution: Sequence[Any],
    unit: Literal["word", "char"] = "word",
    ignore_case: bool = False,
    ignore_punctuation: bool = False,
    **_: Any,
) -> list[float]:
    """1 - WER of each row, or 1 - CER; 0 where there are more edits than the solution has words or characters.

    Rates and normal form (NFC, one space between words) are those of the metrics `wer` and `cer`; here each row
    has its own. Silence (an empty solution) is transcribed by an empty answer.

    Args:
        unit: words, or characters for scripts without blanks.
        ignore_case, ignore_punctuation: leave these differences out.
    """

    def parts(text: str) -> Sequence[str]:
        text = unicodedata.normalize("NFC", text.casefold() if ignore_case else text)
        if ignore_punctuation:
            text = "".join(letter for letter in text if not unicodedata.category(letter).startswith("P"))
        words = text.split()
        return words if unit == "word" else " ".join(words)

    pairs = [
        (parts(solution_of(gold)), parts(answer_of(text)))
        for text, gold in zip(completions, solution, strict=True)
    ]
    return [max(0.0, 1 - edits(gold, said) / len(gold)) if gold else float(not said) for gold, said in pairs]
