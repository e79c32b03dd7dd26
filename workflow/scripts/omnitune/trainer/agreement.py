"""Do rollout and trainer agree? The arithmetic of it, on plain numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

# A published rollout of this model keeps 0.997; what is far below it samples from another model than is trained.
LEAST_CORRELATION = 0.99
# Standard errors from zero at which a mean is no accident, since being wrong ends a training: one in thousands, of
# the fewest prompts one in two hundred.
_CERTAIN = 3.5
FEWEST_PROMPTS = 8
MANY_PROMPTS = 256
_NOTHING = 1e-6  # nats: what rounding makes of equal numbers

Likelihood = Literal["own", "other", "either", "unknown"]


@dataclass(frozen=True)
class Sums:
    """Sums over pairs of log-probabilities of the same tokens, which add up over processes.

    Attributes:
        n: pairs.
        x, y: the rollout's and the trainer's.
        xx, yy, xy: their squares and products.
        gap: absolute differences.
    """

    n: float = 0
    x: float = 0
    y: float = 0
    xx: float = 0
    yy: float = 0
    xy: float = 0
    gap: float = 0

    @classmethod
    def of(cls, rollout: Sequence[float], trainer: Sequence[float]) -> "Sums":
        """The sums over two equally long sequences, in nats."""
        pairs = list(zip(rollout, trainer, strict=True))
        return cls(
            n=len(pairs),
            x=math.fsum(rollout),
            y=math.fsum(trainer),
            xx=math.fsum(a * a for a, _ in pairs),
            yy=math.fsum(b * b for _, b in pairs),
            xy=math.fsum(a * b for a, b in pairs),
            gap=math.fsum(abs(a - b) for a, b in pairs),
        )

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def correlation(self) -> float | None:
        """Pearson's r; None where it says nothing (under three tokens, or all of one value)."""
        spread = (self.n * self.xx - self.x**2) * (self.n * self.yy - self.y**2)
        if self.n < 3 or spread <= 1e-9 * max(self.n * self.xx, 1e-12) ** 2:
            return None
        return max(-1.0, min(1.0, (self.n * self.xy - self.x * self.y) / math.sqrt(spread)))

    @property
    def mean_gap(self) -> float | None:
        """Mean absolute difference of a token's two log-probabilities, in nats."""
        return self.gap / self.n if self.n else None


def likelier_with(differences: Sequence[float]) -> Likelihood:
    """Which media sampled completions were made from.

    Of completions sampled with their own media, the log-probability given these less the one given other media has
    a positive mean, the divergence of the two distributions; of completions sampled with the other media it is
    negative. Text that does not depend on its media gives zero.

    Args:
        differences: one per prompt, the mean over its completions, in nats: completions of one prompt are much
            alike, and many of them would pass for certainty.

    Returns:
        own or other when the mean is no accident; either when it is near zero over many prompts, else unknown.
    """
    n = len(differences)
    if n < FEWEST_PROMPTS:
        return "unknown"
    mean = math.fsum(differences) / n
    variance = math.fsum((value - mean) ** 2 for value in differences) / (n - 1)
    if abs(mean) > max(_CERTAIN * math.sqrt(variance / n), _NOTHING):
        return "own" if mean > 0 else "other"
    return "either" if n >= MANY_PROMPTS else "unknown"


def prompt_mistake(rollout: Sequence[int], encoded: Sequence[int], response: Sequence[int]) -> str:
    """How the trainer's row differs from the prompt and the completion of the rollout; empty when it does not.

    Args:
        rollout: tokens of the prompt, as the rollout read it, media tokens included.
        encoded: tokens of the trainer's whole row.
        response: tokens of the completion.
    """
    prompt = list(encoded[: len(encoded) - len(response)])
    if list(encoded[len(prompt) :]) != list(response):
        return "the completion that is trained on is not the one that was sampled"
    if prompt == list(rollout):
        return ""
    if len(prompt) != len(rollout):
        return f"the rollout's prompt has {len(rollout)} tokens and the trainer's {len(prompt)}"
    first = next(place for place, (a, b) in enumerate(zip(prompt, rollout, strict=True)) if a != b)
    return f"token {first + 1} of the prompt is {rollout[first]} in the rollout and {prompt[first]} in the trainer"


def setting_mistakes(told: Mapping[str, str], here: Mapping[str, str], dtype: str, trained: str) -> list[str]:
    """How a rollout's settings differ from the trainer's.

    Args:
        told: variables that the rollout was started with: what sizes its media.
        here: the trainer's.
        dtype: the type of the rollout's numbers.
        trained: the type of the trainer's.
    """
    mistakes = [
        f"{name} is {value} in the rollout and {here.get(name, 'not set')} in the trainer"
        for name, value in sorted(told.items())
        if here.get(name) != value
    ]
    if dtype != trained:
        mistakes.append(f"the rollout computes in {dtype} and the trainer in {trained}")
    return mistakes
