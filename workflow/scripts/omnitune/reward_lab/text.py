"""A trial as a table for a person."""

from collections.abc import Mapping

from omnitune.columns import aligned
from omnitune.reward_lab.completions import KINDS
from omnitune.reward_lab.verdict import Prompts, Verdict, total


def as_text(prompts: Prompts, verdicts: Mapping[str, Verdict]) -> str:
    """The means by kind of completion, the time of each reward, and what is worth a look."""
    rows: list[tuple[str, ...]] = [("reward", "weight", *KINDS, "ms each", "")]
    for name, verdict in verdicts.items():
        means = [_number(verdict.means[kind]) for kind in KINDS]
        time = "-" if verdict.milliseconds is None else f"{verdict.milliseconds:.3g}"
        rows.append((name, f"{verdict.weight:g}", *means, time, "fails" if verdict.mistakes else ""))
    sums = total(verdicts)
    rows.append(("weighted sum", "", *(_number(sums[kind]) for kind in KINDS), "", ""))
    notes = [note for verdict in verdicts.values() for note in verdict.notes]
    head = f"Rewards on {prompts.tried} of {prompts.count} prompts, mean by kind of completion:"
    return "\n".join(
        [head, "", *aligned(rows, right=range(1, len(rows[0]) - 1)), *(["", *notes] if notes else [])]
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
