"""Tokens of an image, from its width and height."""

import math

from omnitune.tokens.budget import SIDE, MediaBudget
from omnitune.tokens.unknown import Unknown

MAX_RATIO = 200


def image_tokens(width: int, height: int, budget: MediaBudget) -> int:
    """Tokens of an image of that many pixels, as PIL opens it (EXIF's rotation is not applied).

    ms-swift resizes once, by qwen_omni_utils' fetch_image (Qwen2_5OmniTemplate.replace_tag); the processor is
    called with do_resize=False and cuts what it gets.

    Raises:
        Unknown: for a shape that cannot be resized.
    """
    rows, columns = grid(width, height, budget.image_min, budget.image_max)
    return rows * columns


def grid(width: int, height: int, least: float, most: float) -> tuple[int, int]:
    """Rows and columns of tokens after the resize into `least` to `most` pixels.

    qwen_omni_utils, smart_resize: sides go to the nearest multiple of 32 (round half to even); too many pixels
    scale both down, too few scale both up, keeping the ratio.

    Raises:
        Unknown: for a shape that it refuses, or of which a side would shrink to nothing.
    """
    if max(width, height) > MAX_RATIO * min(width, height):
        raise Unknown(f"{width} x {height} pixels are beyond a ratio of {MAX_RATIO}")
    rows, columns = max(1, round(height / SIDE)), max(1, round(width / SIDE))
    pixels = rows * columns * SIDE * SIDE
    if pixels > most:
        shrink = math.sqrt((height * width) / most)
        rows, columns = math.floor(height / shrink / SIDE), math.floor(width / shrink / SIDE)
    elif pixels < least:
        grow = math.sqrt(least / (height * width))
        rows, columns = math.ceil(height * grow / SIDE), math.ceil(width * grow / SIDE)
    if not rows * columns:
        raise Unknown(
            f"{width} x {height} pixels are too flat for {int(most)} pixels: one side shrinks to nothing"
        )
    return rows, columns
