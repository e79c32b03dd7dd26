"""Texts that are nearly the same, found by MinHash and locality-sensitive hashing.

A text is the set of its character 5-grams; equal places of two MinHash signatures estimate the Jaccard similarity
of two sets (Broder 1997). A signature is cut into b bands of r numbers: texts of similarity s agree in a whole
band with probability 1 - (1 - s^r)^b (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4). What is
found depends on the two texts alone, so neither the order of rows nor rows added later change it.
"""

from collections.abc import Hashable

_PERMUTATIONS = 256
_SEED = 1
_GRAM = 5
# Share of the pairs at the threshold that must be found.
_RECALL = 0.95


class Bands:
    """Bands of texts' signatures.

    Args:
        threshold: Jaccard similarity, above 0, at which 95 % of the pairs agree in a band. Fewer of the less
            similar pairs do: at a threshold of 0.8, 25 % of those at 0.6 and 5 % of those at 0.5.
    """

    def __init__(self, threshold: float) -> None:
        # The longest bands that find enough: the longer, the fewer pairs below the threshold agree.
        self.rows = max(
            (rows for rows in range(1, _PERMUTATIONS + 1) if chance(threshold, rows) >= _RECALL), default=1
        )

    def of(self, text: str, among: Hashable) -> list[int]:
        """A number for each band; only texts with an equal `among` are compared."""
        from rensa import RMinHash

        grams = {text[start : start + _GRAM] for start in range(max(1, len(text) - _GRAM + 1))}
        minhash = RMinHash(_PERMUTATIONS, _SEED)
        minhash.update(list(grams))
        signature = minhash.digest()
        starts = range(0, _PERMUTATIONS - self.rows + 1, self.rows)
        return [hash((start, among, *signature[start : start + self.rows])) for start in starts]


def chance(similarity: float, rows: int) -> float:
    """Probability that two texts agree in a band of this many rows."""
    return float(1 - (1 - similarity**rows) ** (_PERMUTATIONS // rows))
