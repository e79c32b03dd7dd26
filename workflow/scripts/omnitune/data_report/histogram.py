"""Numbers counted as they stream by: exact counts of rounded values, drawn in few bins."""

import math
from collections import Counter
from typing import NamedTuple


class Bin(NamedTuple):
    """Values from `low` up to, not including, `high`, and how many rows have one."""

    low: float
    high: float
    rows: int


class Histogram:
    """Counts of a quantity.

    Args:
        step: values are rounded to multiples of it, so that memory has a bound.
    """

    def __init__(self, step: float = 1) -> None:
        self._step = step
        self._counts = Counter[int]()

    def add(self, value: float) -> None:
        """Count a value, 0 or more."""
        self._counts[round(value / self._step)] += 1

    def total(self) -> int:
        """How many values there are."""
        return self._counts.total()

    def quantile(self, share: float) -> float:
        """The smallest value that at least this share of the values does not exceed; 0 of none."""
        wanted = math.ceil(share * self.total())
        seen = 0
        for value in sorted(self._counts):
            seen += self._counts[value]
            if seen >= wanted:
                return value * self._step
        return 0.0

    def bins(self, most: int = 12) -> list[Bin]:
        """At most `most` bins of one round width, from 0 on, that hold every value."""
        if not self._counts:
            return []
        width = _round_up((max(self._counts) + 1) * self._step / most)
        # A bin narrower than the rounding would be empty between two that are not.
        width = max(width, self._step)
        counts = Counter[int]()
        for value, count in self._counts.items():
            counts[math.floor(value * self._step / width + 1e-9)] += count
        first, last = min(counts), max(counts)
        return [Bin(index * width, (index + 1) * width, counts[index]) for index in range(first, last + 1)]


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    unit = 10 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 2, 2.5, 5, 10) if step * unit >= value * (1 - 1e-9))
