"""What a trial found: means by kind of completion, what stops a training, what is only worth a look."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from omnitune.reward_lab.batches import GIVEN
from omnitune.reward_lab.completions import GOLD, KINDS
from omnitune.reward_lab.trial import Rating
from omnitune.rewards import STYLE

# Below this a difference of two means is none.
_EQUAL = 1e-9


@dataclass(frozen=True)
class Prompts:
    """The prompts of a training.

    Attributes:
        count: rows of grpo.jsonl.
        tried: how many of them a trial took.
        holding: column -> rows that have a value there.
    """

    count: int
    tried: int
    holding: Mapping[str, int]

    def lacking(self, column: str) -> int:
        """Rows without a value in a column."""
        return 0 if column in GIVEN else self.count - self.holding.get(column, 0)


@dataclass
class Verdict:
    """One reward, judged.

    Attributes:
        weight: of the config.
        style: whether it rates how something is said.
        means: kind -> mean of what it gave; None where it gave nothing.
        milliseconds: of one completion, the slowest kind.
        mistakes: sentences that stop a training.
        notes: sentences that do not.
    """

    weight: float
    style: bool
    means: dict[str, float | None]
    milliseconds: float | None
    mistakes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def gains(self, *kinds: str) -> float | None:
        """The best weighted mean of these kinds."""
        known = [self.weight * mean for kind in kinds if (mean := self.means.get(kind)) is not None]
        return max(known, default=None)


def judge(name: str, weight: float, rating: Rating, prompts: Prompts, style: Collection[str]) -> Verdict:
    """The verdict on one reward."""
    counts = [seconds / max(len(rating.values[kind]), 1) for kind, seconds in rating.seconds.items()]
    verdict = Verdict(
        weight=weight,
        style=name in STYLE or name in style,
        means={kind: _mean(rating.values.get(kind)) for kind in KINDS},
        milliseconds=max(counts) * 1000 if counts else None,
    )
    place = f"grpo.rewards.{name}:"
    missing = [column for column in rating.needs if prompts.lacking(column) == prompts.count]
    if rating.column is not None and prompts.lacking(rating.column) == prompts.count:
        missing.append(rating.column)
    for column in dict.fromkeys(missing):
        known = ", ".join(sorted(prompts.holding)) or "none"
        verdict.mistakes.append(
            f"{place} it reads the column {column}, which no prompt has (columns are {known}). "
            f"Add it to the rows, or read another."
        )
    if missing:
        return verdict
    for kind, what in rating.failed.items():
        verdict.mistakes.append(_failure(name, place, what, kind, prompts.tried))
        return verdict  # one is enough: the others fail alike
    for column in rating.needs:
        if lacking := prompts.lacking(column):
            verdict.notes.append(f"{place} {lacking} of {prompts.count} prompts have no {column}.")
    if weight and rating.values:  # none where another reward took the process down before
        _compare(name, place, verdict, prompts)
    return verdict


def _failure(name: str, place: str, what: str, kind: str, count: int) -> str:
    if what.startswith(f"reward {name}"):  # our own words already
        return f"{place} {what}"
    batch = f"for {count} completions" + (f" ({kind})" if kind else "")
    return f"{place} it {'' if what.startswith(('did', 'ended')) else 'raised '}{what} {batch}. Mend the function."


def _compare(name: str, place: str, verdict: Verdict, prompts: Prompts) -> None:
    gold, garbage = verdict.gains(*GOLD), verdict.gains("garbage")
    known = [mean for mean in verdict.means.values() if mean is not None]
    if not known:
        verdict.mistakes.append(f"{place} it has no opinion on any completion. Return numbers.")
    elif max(known) - min(known) <= _EQUAL:
        verdict.mistakes.append(
            f"{place} it gives every completion {known[0]:g}, right or wrong, so nothing is learned from it. "
            "Mend it, or remove it."
        )
    elif not verdict.style and prompts.holding.get("solution"):
        if gold is None or garbage is None or gold <= garbage + _EQUAL:
            verdict.mistakes.append(
                f"{place} right answers gain {_gain(gold)} and garbage {_gain(garbage)}, so garbage is learned. "
                f"Mend it; if it rates how something is said, name it in grpo.lab.style."
            )
        elif (wrong := verdict.gains("wrong")) is not None and wrong >= gold - _EQUAL:
            verdict.notes.append(f"{place} wrong answers gain as much as right ones ({wrong:g}).")


def total(verdicts: Mapping[str, Verdict]) -> dict[str, float | None]:
    """kind -> the weighted sum of all rewards, which is what a training raises."""
    sums = {}
    for kind in KINDS:
        parts = [verdict.gains(kind) for verdict in verdicts.values()]
        sums[kind] = None if None in parts else sum(part for part in parts if part is not None)
    return sums


def total_mistakes(verdicts: Mapping[str, Verdict], prompts: Prompts) -> list[str]:
    """What is wrong with the rewards together, though each alone may be right."""
    only_style = all(verdict.style for verdict in verdicts.values())
    if only_style or not prompts.holding.get("solution") or any(one.mistakes for one in verdicts.values()):
        return []
    sums = total(verdicts)
    golds = [value for kind in GOLD if (value := sums[kind]) is not None]
    garbage = sums["garbage"]
    if not golds or garbage is None or max(golds) > garbage + _EQUAL:
        return []
    return [
        f"grpo.rewards: taken together right answers gain {max(golds):g} and garbage {garbage:g}. "
        "Lower the weights of what rates the style."
    ]


def as_json(prompts: Prompts, verdicts: Mapping[str, Verdict]) -> dict[str, Any]:
    """The trial as a result."""
    return {
        "prompts": prompts.count,
        "tried": prompts.tried,
        "kinds": list(KINDS),
        "rewards": {
            name: {
                "weight": verdict.weight,
                "style": verdict.style,
                "means": verdict.means,
                "milliseconds": None if verdict.milliseconds is None else round(verdict.milliseconds, 3),
                "failures": verdict.mistakes,
                "notes": verdict.notes,
            }
            for name, verdict in verdicts.items()
        },
        "total": total(verdicts),
    }


def _mean(values: list[float | None] | None) -> float | None:
    known = [value for value in values or () if value is not None]
    return fmean(known) if known else None


def _gain(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.3g}"
