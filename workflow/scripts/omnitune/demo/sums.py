"""Text: a two-digit number plus a one-digit number, answered by the sum."""

from collections.abc import Iterator

import numpy as np

from omnitune.demo.example import Example

QUESTION = "{} + {} ="


def examples(rng: np.random.Generator) -> Iterator[Example]:
    """Each such sum below 100 once, in a random order."""
    pairs = [(left, right) for left in range(10, 100) for right in range(10) if left + right < 100]
    for index in rng.permutation(len(pairs)):
        left, right = pairs[index]
        yield Example(QUESTION.format(left, right), str(left + right))
