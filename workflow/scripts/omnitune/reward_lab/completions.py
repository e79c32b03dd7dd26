"""Completions of known worth, made of a row's solution."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from omnitune.rewards.answer import solution_of

# In the order of the table. `gold` and `gold in tags` are both right: rewards differ in the form that they want.
KINDS = ("gold", "gold in tags", "wrong", "empty", "garbage", "over-long", "wrong format")
GOLD = KINDS[:2]
_NO_SOLUTION = "It is as you say."
_LETTERS = "bcdfghjklmnpqrstvwxz#%&~^|"


class Completion(NamedTuple):
    """What a policy might have sampled.

    Attributes:
        text: as rewards are given it.
        finished: False when it was cut at the longest length.
    """

    text: str
    finished: bool = True


def completions(rows: Sequence[Mapping[str, Any]], *, seed: int, longest: int) -> dict[str, list[Completion]]:
    """kind -> one completion of each row.

    Args:
        rows: prompts with their columns.
        seed: of the garbage.
        longest: tokens at which the policy is cut off.
    """
    golds = [solution_of(row.get("solution")) or _NO_SOLUTION for row in rows]
    noise = random.Random(seed)
    made: dict[str, list[Completion]] = {kind: [] for kind in KINDS}
    for number, gold in enumerate(golds):
        wrong = _another(golds, number)
        loop = f"{gold} is what I say again and again. " * (longest // 4 + 1)
        texts = {
            "gold": Completion(gold),
            "gold in tags": Completion(in_tags(gold)),
            "wrong": Completion(in_tags(wrong)),
            "empty": Completion(""),
            "garbage": Completion(" ".join(_word(noise) for _ in range(12))),
            "over-long": Completion(f"<think>{loop}", finished=False),
            "wrong format": Completion(f"<answer>{gold}<think></answer"),
        }
        for kind, completion in texts.items():
            made[kind].append(completion)
    return made


def in_tags(answer: str) -> str:
    """The form that reasoning models are asked for."""
    return f"<think>Let me see.</think>\n<answer>{answer}</answer>"


def _another(golds: Sequence[str], number: int) -> str:
    """The solution of the next row that has another one."""
    for step in range(1, len(golds)):
        other = golds[(number + step) % len(golds)]
        if other != golds[number]:
            return other
    return f"not {golds[number]}"


def _word(noise: random.Random) -> str:
    return "".join(noise.choices(_LETTERS, k=noise.randint(2, 9)))
