"""Counts of quantities."""

import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnitune.data_report.histogram import Histogram


@given(values=st.lists(st.integers(0, 40_000), min_size=1, max_size=300), most=st.integers(1, 20))
def test_bins_hold_every_value_once(values: list[int], most: int):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    bins = histogram.bins(most)
    assert len(bins) <= most
    assert sum(part.rows for part in bins) == len(values) == histogram.total()
    assert all(part.rows == sum(part.low <= value < part.high for value in values) for part in bins)
    assert all(one.high == pytest.approx(other.low) for one, other in pairwise(bins))


@given(values=st.lists(st.integers(0, 999), min_size=1, max_size=200))
def test_quantiles_are_those_of_the_values(values: list[int]):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    assert histogram.quantile(0.5) == statistics.median_low(values)
    assert histogram.quantile(1.0) == max(values)


def test_values_are_rounded_so_that_memory_has_a_bound():
    histogram = Histogram(0.1)
    for number in range(100_000):
        histogram.add(number % 7 + 0.0001 * (number % 3))
    assert histogram.quantile(1.0) == pytest.approx(6)
    assert len(histogram.bins()) <= 12


def test_nothing_was_counted():
    assert Histogram().bins() == []
    assert Histogram().quantile(0.5) == 0
