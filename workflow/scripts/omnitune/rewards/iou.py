"""iou: how well the boxes of a completion cover those of the solution."""

import re
from collections.abc import Sequence
from itertools import product
from typing import Any

from omnitune.rewards.answer import answer_of, solution_of

Box = tuple[float, float, float, float]

_number = r"\s*(-?\d+(?:\.\d+)?)\s*"
# [x1, y1, x2, y2], and Qwen's (x1,y1),(x2,y2).
_box = re.compile(
    rf"[\[(]{_number},{_number},{_number},{_number}[\])]|\({_number},{_number}\)\s*,?\s*\({_number},{_number}\)"
)


def iou(completions: Sequence[str], *, solution: Sequence[Any], **_: Any) -> list[float]:
    """Intersection over union of the answer's box with the solution's, 0 to 1; of several boxes the mean.

    Boxes are corners `[x1, y1, x2, y2]`, alone or inside JSON. Several are matched greedily, the best pair first;
    one too many or too few counts as 0 in the mean. A box whose corners are in the wrong order covers nothing.
    """
    return [
        _matched(boxes_in(answer_of(text)), boxes_in(solution_of(gold)))
        for text, gold in zip(completions, solution, strict=True)
    ]


def boxes_in(text: str) -> list[Box]:
    """The boxes that a text names."""
    found = [[float(number) for number in match.groups() if number] for match in _box.finditer(text)]
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in found]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (_area(one) + _area(other) - width * height)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _matched(found: list[Box], wanted: list[Box]) -> float:
    if not found or not wanted:
        return 0.0
    pairs = sorted(
        product(range(len(found)), range(len(wanted))), key=lambda p: -overlap(found[p[0]], wanted[p[1]])
    )
    total, used, met = 0.0, set[int](), set[int]()
    for one, other in pairs:
        if one not in used and other not in met:
            total += overlap(found[one], wanted[other])
            used.add(one)
            met.add(other)
    return total / max(len(found), len(wanted))
