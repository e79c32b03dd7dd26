"""Tokens of images: closed forms."""

import pytest

from omnitune.tokens.budget import MediaBudget
from omnitune.tokens.image import grid, image_tokens
from omnitune.tokens.unknown import Unknown

BUDGET = MediaBudget(image_max=980 * 1024)


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        (1024, 768, 768),
        (64, 64, 4),
        (80, 112, 2 * 4),  # 2.5 and 3.5 tokens: half goes to even
        (1, 1, 4),  # up to the minimum
        (20, 1500, 47),
        (28, 28, 4),
        (4000, 3000, 27 * 36),  # down below the maximum
        (4000, 30, 125),
    ],
)
def test_an_image_is_its_area_in_tokens(width: int, height: int, tokens: int):
    assert image_tokens(width, height, BUDGET) == tokens
    assert image_tokens(height, width, BUDGET) == image_tokens(width, height, BUDGET)


@pytest.mark.parametrize("size", [(201, 1), (1, 201), (8_040, 40 - 1)])
def test_beyond_a_ratio_of_200_it_is_unknown(size: tuple[int, int]):
    with pytest.raises(Unknown, match="ratio"):
        image_tokens(*size, BUDGET)


def test_a_side_that_shrinks_to_nothing_is_unknown():
    with pytest.raises(Unknown, match="too flat"):
        grid(6_000, 100, 4096, 49 * 1024)
    assert grid(4_800, 100, 4096, 49 * 1024) == (1, 48)


def test_too_few_pixels_may_scale_up_beyond_the_maximum():
    assert grid(60, 1, 4096, 4300) == (1, 16)
