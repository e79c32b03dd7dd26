"""How often texts of a known similarity agree in a band."""

import random
import string

import pytest

from omnitune.validation.near import Bands, chance


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
def test_pairs_at_the_threshold_are_found_and_those_far_below_are_not(threshold):
    rows = Bands(threshold).rows
    assert chance(threshold, rows) >= 0.95
    assert chance(threshold - 0.2, rows) < 0.45
    assert chance(threshold - 0.3, rows) < 0.15
    assert chance(1, rows) == 1


def sharing(rng: random.Random, similarity: float) -> tuple[str, str]:
    """Two texts of which this share of the 5-grams is common: a common start, and ends of their own."""
    length = 400
    common = int(length * 2 * similarity / (1 + similarity))

    def letters(count: int) -> str:
        return "".join(rng.choices(string.ascii_lowercase, k=count))

    start = letters(common)
    return start + letters(length - common), start + letters(length - common)


@pytest.mark.parametrize(
    ("similarity", "least", "most"), [(0.9, 0.99, 1), (0.8, 0.9, 1), (0.6, 0.1, 0.45), (0.2, 0, 0)]
)
def test_texts_are_found_as_often_as_the_formula_says(similarity, least, most):
    rng, bands = random.Random(1), Bands(0.8)
    pairs = [sharing(rng, similarity) for _ in range(100)]
    found = sum(bool(set(bands.of(one, ())) & set(bands.of(other, ()))) for one, other in pairs)
    assert least * 100 <= found <= most * 100


def test_short_and_empty_texts_have_bands():
    bands = Bands(0.8)
    assert bands.of("ab", ()) == bands.of("ab", ())
    assert not set(bands.of("ab", ())) & set(bands.of("cd", ()))
    assert len(bands.of("", ())) == len(bands.of("ab", ()))


def test_only_texts_among_their_own_are_compared():
    bands = Bands(0.8)
    assert not set(bands.of("the same text", ("/a",))) & set(bands.of("the same text", ("/b",)))
