"""Exact match: the share of answers that are the reference, character for character."""

import unicodedata
from collections.abc import Sequence

from omnitune.scoring.counts import Counts


def normalise(text: str) -> str:
    """Blanks at both ends go and Unicode is composed (NFC), nothing else.

    Case, punctuation and inner blanks count: what a model must answer is for the data to say, and a
    metric that forgives more than its name says makes numbers nobody can compare.
    """
    return unicodedata.normalize("NFC", text).strip()


def exact_match(predictions: Sequence[str], references: Sequence[str]) -> Counts:
    """1 for each prediction that equals its reference after `normalise`, else 0."""
    pairs = zip(predictions, references, strict=True)
    right = [int(normalise(prediction) == normalise(reference)) for prediction, reference in pairs]
    return Counts(right, [1] * len(right))
