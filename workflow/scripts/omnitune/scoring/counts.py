"""What a metric says of each row, in a form that adds up over rows."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Counts:
    """`amount` and `weight` per row: a metric's value over any set of rows is sum(amount) / sum(weight).

    Right answers over rows, or edits over reference words: in both the sums of resampled rows give the
    resampled metric, so one bootstrap serves all metrics.

    Attributes:
        amount: right answers or edits of each row.
        weight: what the amount is counted against (1, or the words or characters of the reference).
        notes: what a reader of the metric must know.
    """

    amount: list[int]
    weight: list[int]
    notes: list[str] = field(default_factory=list)

    def pick(self, rows: list[int]) -> "Counts":
        """The counts of some rows, by position."""
        return Counts([self.amount[i] for i in rows], [self.weight[i] for i in rows])

    def value(self) -> float | None:
        """The metric over all rows; None when there is nothing to count against."""
        weight = sum(self.weight)
        return sum(self.amount) / weight if weight else None
