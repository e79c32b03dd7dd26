"""Numbers and verdicts in words: the same rounding and the same honesty everywhere on the page."""

from typing import Any, NamedTuple

from omnitune.reporting.inputs import Comparison, MetricKind

BETTER, WORSE, UNCLEAR = "better", "worse", "unclear"
# Below this many rows a bootstrap interval is too narrow to be believed.
FEW_ROWS = 30
LONGEST_LIST = 6
LONGEST_TEXT = 200
MINUS = "−"


class Finding(NamedTuple):
    """One comparison, judged: `verdict` is better, worse or unclear, `sentence` tells it in full."""

    task: str
    verdict: str
    sentence: str


def judge(task: str, kind: MetricKind, found: Comparison) -> Finding:
    """The finding for one task: clear only when the interval of the change leaves out 0."""
    sentence = f"{task} {kind.label} {number(found.base)} → {number(found.tuned)}"
    if found.change is None or found.ci95 is None:
        return Finding(task, UNCLEAR, f"{sentence} (no value: the references are empty, n={found.n})")
    low, high = found.ci95
    direction = "" if kind.higher_is_better else "; lower is better"
    sentence += f" ({signed(found.change)}, 95 % CI {signed(low)} to {signed(high)}, n={found.n}{direction})"
    if found.n < FEW_ROWS:
        return Finding(task, UNCLEAR, f"{sentence}; {found.n} rows are too few to tell")
    if low <= 0 <= high:
        return Finding(task, UNCLEAR, f"{sentence}; no clear change")
    return Finding(task, BETTER if (low > 0) == kind.higher_is_better else WORSE, sentence)


def summary(findings: list[Finding]) -> str:
    """One sentence over all findings of an experiment."""
    if not findings:
        return "Nothing was compared with the untouched model, so this page cannot say whether tuning helped."
    counts = [sum(f.verdict == verdict for f in findings) for verdict in (BETTER, WORSE, UNCLEAR)]
    total = len(findings)
    better, worse, unclear = counts
    if total == 1:
        return {BETTER: "Clearly better.", WORSE: "Clearly worse.", UNCLEAR: "No clear change."}[
            findings[0].verdict
        ]
    if better == total:
        return f"Clearly better on all {total} measures."
    if worse == total:
        return f"Clearly worse on all {total} measures."
    if unclear == total:
        return f"No clear change on any of {total} measures."
    parts = [
        f"{n} {word}"
        for n, word in zip(counts, ("clearly better", "clearly worse", "not clear"), strict=True)
        if n
    ]
    return f"Of {total} measures: {', '.join(parts)}."


def number(value: float | None, decimals: int = 3) -> str:
    """A measured value; a dash when there is none."""
    return "–" if value is None else f"{value:.{decimals}f}".replace("-", MINUS)


def signed(value: float | None, decimals: int = 3) -> str:
    """A change, always with its sign."""
    return "–" if value is None else f"{value:+.{decimals}f}".replace("-", MINUS)


def count(value: int | None) -> str:
    """A count with narrow no-break spaces between thousands."""
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


def plain(value: Any) -> str:
    """A setting as a reader would write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        shown = ", ".join(plain(item) for item in value[:LONGEST_LIST])
        return shown if len(value) <= LONGEST_LIST else f"{shown}, … ({len(value)} in all)"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
