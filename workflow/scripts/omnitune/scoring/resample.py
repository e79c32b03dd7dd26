"""95 % intervals: how much of a number is owed to the choice of test rows."""

import math

import numpy as np

from omnitune.scoring.counts import Counts

RESAMPLES = 2000
SEED = 17
BLOCK = 100

Interval = list[float] | None


def change_interval(base: Counts, tuned: Counts) -> Interval:
    """Percentile interval of tuned - base by the paired bootstrap over rows (Efron & Tibshirani 1993, ch. 13;
    Koehn 2004 for paired systems). None when the metric has no value.

    A resampled row brings the answers of both models, so what makes a row hard for both cancels out.
    """
    rows = np.array([base.amount, tuned.amount, base.weight], dtype=np.int64).T
    sums = _resampled_sums(rows)
    return _percentiles(sums[:, 1] - sums[:, 0], sums[:, 2])


def value_interval(counts: Counts) -> Interval:
    """Interval of one metric: Wilson's score interval for a share of rows, else the bootstrap's.

    Wilson (1927) because a bootstrap of 0 right answers out of 50 says [0, 0], which nobody should believe.
    """
    if all(weight == 1 for weight in counts.weight) and max(counts.amount, default=0) <= 1:
        return _wilson(sum(counts.amount), len(counts.amount))
    rows = np.array([counts.amount, counts.weight], dtype=np.int64).T
    sums = _resampled_sums(rows)
    return _percentiles(sums[:, 0], sums[:, 1])


def _resampled_sums(rows: np.ndarray) -> np.ndarray:
    """Column sums of RESAMPLES bootstrap samples of `rows`, one sample a line.

    Equal rows are drawn together: how often each distinct row comes up is multinomial, which is the same
    distribution as drawing rows one by one and needs no work per row when few rows differ.
    """
    random = np.random.default_rng(SEED)
    distinct, repeats = np.unique(rows, axis=0, return_counts=True)
    n = len(rows)
    sums = np.empty((RESAMPLES, rows.shape[1]))
    if len(distinct) * 20 <= n or n < 1000:
        for start in range(0, RESAMPLES, BLOCK):
            sums[start : start + BLOCK] = random.multinomial(n, repeats / n, size=BLOCK) @ distinct
    else:
        # As floats the product is a BLAS call; sums of whole numbers below 2**53 stay exact.
        values = rows.astype(float)
        for sample in range(RESAMPLES):
            drawn = random.integers(n, size=n, dtype=np.int32)
            sums[sample] = np.bincount(drawn, minlength=n) @ values
    return sums


def _percentiles(amount: np.ndarray, weight: np.ndarray) -> Interval:
    # A sample of empty references only has no rate; it is left out.
    kept = weight > 0
    if not kept.any():
        return None
    low, high = np.quantile(amount[kept] / weight[kept], [0.025, 0.975])
    return [float(low), float(high)]


def _wilson(right: int, n: int) -> Interval:
    if n == 0:
        return None
    z = 1.959963984540054
    share = right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return [max(0.0, centre - half), min(1.0, centre + half)]
