"""accuracy: whether a completion gives the solution, by meaning where it is mathematics."""

from collections.abc import Sequence
from typing import Any

from omnitune.rewards.answer import answer_of, solution_of
from omnitune.scoring.math_answer import Comparer, math_verify

# One for the whole training: to start it takes longer than a step's answers.
_comparer = Comparer()


def accuracy(completions: Sequence[str], *, solution: Sequence[Any], **_: Any) -> list[float]:
    """1 where the answer equals the solution as text or means the same to math_verify, else 0.

    The answer is what stands in the last <answer> tags, else the whole completion; a solution may carry
    the tags too.
    """
    pairs = [(answer_of(text), solution_of(gold)) for text, gold in zip(completions, solution, strict=True)]
    right = math_verify([answer for answer, _ in pairs], [gold for _, gold in pairs], _comparer).amount
    return [float(one) if gold else 0.0 for one, (_, gold) in zip(right, pairs, strict=True)]
