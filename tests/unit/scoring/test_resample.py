"""The intervals: against theory, against a plain bootstrap, and at their edges."""

import random

import numpy as np
import pytest

from omnitune.scoring.counts import Counts
from omnitune.scoring.resample import change_interval, value_interval


def shares(right, n):
    return Counts([1] * right + [0] * (n - right), [1] * n)


def test_the_paired_interval_of_a_share_is_the_normal_one_for_many_rows():
    # 300 rows got better, 100 worse, 600 stayed: mean .2, variance .4 - .04.
    base = Counts([0] * 300 + [1] * 100 + [1] * 600, [1] * 1000)
    tuned = Counts([1] * 300 + [0] * 100 + [1] * 600, [1] * 1000)
    half = 1.96 * (0.36 / 1000) ** 0.5
    assert change_interval(base, tuned) == pytest.approx([0.2 - half, 0.2 + half], abs=0.003)


def test_pairing_narrows_the_interval():
    base = Counts([0, 1] * 200 + [0] * 40, [1] * 440)
    tuned = Counts([0, 1] * 200 + [1] * 40, [1] * 440)
    low, high = change_interval(base, tuned)
    assert 0 < low < 40 / 440 < high
    assert high - low < 0.06  # two independent samples of this size span 0.13


def test_few_and_many_distinct_rows_take_different_ways_to_the_same_interval():
    # The second has the same counts, scaled, and a tail of distinct tiny weights: it cannot be grouped.
    rng = random.Random(1)
    edits = [rng.randrange(4) for _ in range(4000)]
    words = [10] * 4000
    fewer = [max(0, e - rng.randrange(2)) for e in edits]
    grouped = change_interval(Counts(edits, words), Counts(fewer, words))
    unit = 10**7
    spread = [10 * unit + i for i in range(4000)]
    single = change_interval(Counts([e * unit for e in edits], spread), Counts([e * unit for e in fewer], spread))
    assert single == pytest.approx(grouped, rel=0.06)
    assert single[1] - single[0] == pytest.approx(grouped[1] - grouped[0], rel=0.15)


def test_a_corpus_rate_is_resampled_by_its_sums_and_not_by_rates_of_rows():
    rng = np.random.default_rng(5)
    words = rng.integers(1, 40, 300)
    edits = rng.binomial(words, 0.3)
    found = value_interval(Counts(edits.tolist(), words.tolist()))
    plain = []
    for _ in range(2000):
        drawn = rng.integers(300, size=300)
        plain.append(edits[drawn].sum() / words[drawn].sum())
    assert found == pytest.approx(np.quantile(plain, [0.025, 0.975]).tolist(), abs=0.006)


@pytest.mark.parametrize(
    ("right", "n", "expected"),
    [(0, 50, [0.0, 0.0713]), (50, 50, [0.9287, 1.0]), (10, 20, [0.2993, 0.7007]), (1, 1, [0.2065, 1.0])],
)
def test_a_share_has_wilsons_interval(right, n, expected):
    # Values of statsmodels.stats.proportion.proportion_confint(method="wilson").
    assert value_interval(shares(right, n)) == pytest.approx(expected, abs=5e-5)


def test_no_value_no_interval():
    nothing = Counts([2, 0], [0, 0])
    assert value_interval(nothing) is None
    assert change_interval(nothing, nothing) is None


def test_samples_of_empty_references_alone_are_left_out():
    low, high = change_interval(Counts([1, 2], [0, 4]), Counts([0, 1], [0, 4]))
    assert np.isfinite([low, high]).all()


def test_equal_rows_give_equal_intervals_every_time():
    base, tuned = shares(30, 100), shares(60, 100)
    assert change_interval(base, tuned) == change_interval(base, tuned)


def test_95_percent_of_the_intervals_hold_the_true_change():
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(200):
        base = (rng.random(300) < 0.3).astype(int)
        tuned = (rng.random(300) < 0.4).astype(int)
        low, high = change_interval(Counts(base.tolist(), [1] * 300), Counts(tuned.tolist(), [1] * 300))
        held += low <= 0.1 <= high
    assert 180 <= held <= 198
