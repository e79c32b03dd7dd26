"""Images: scikit-learn's handwritten digits (1,797 real scans), answered by the digit."""

import io
from collections.abc import Iterator

import numpy as np

from omnitune.demo.example import Example

QUESTION = "Which digit?"
SIDE = 64  # pixels of an edge: 4 vision tokens
INK = 16  # the brightest value in the data set


def examples(rng: np.random.Generator) -> Iterator[Example]:
    """Every scan once, in a random order."""
    from sklearn.datasets import load_digits

    scans = load_digits()
    for index in rng.permutation(len(scans.target)):
        yield Example(QUESTION, str(scans.target[index]), "image", png(scans.images[index]))


def png(scan: np.ndarray) -> bytes:
    """An 8 x 8 scan, enlarged without hard edges."""
    from PIL import Image

    grey = Image.fromarray((scan * 255 / INK).astype(np.uint8))
    file = io.BytesIO()
    grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR).convert("RGB").save(file, "PNG")
    return file.getvalue()
