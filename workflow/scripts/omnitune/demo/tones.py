"""Audio: telephone keys (DTMF: one low and one high tone together) in noise, answered by the key's digit."""

import io
from collections.abc import Iterator

import numpy as np

from omnitune.demo.example import Example

QUESTION = "Which key?"
RATE = 16_000  # samples per second
SECONDS = 0.4  # about 5 audio tokens
LOW = (697, 770, 852, 941)  # hertz, one for each row of keys
HIGH = (1209, 1336, 1477)  # hertz, one for each column
KEYS = ("123", "456", "789", " 0 ")
VOLUME = (0.1, 0.4)  # amplitude of each tone, full scale is 1
NOISE = (0.0, 0.05)  # standard deviation


def examples(rng: np.random.Generator) -> Iterator[Example]:
    """Random keys without end."""
    places = {key: (row, column) for row, keys in enumerate(KEYS) for column, key in enumerate(keys)}
    while True:
        key = str(rng.integers(10))
        row, column = places[key]
        yield Example(QUESTION, key, "audio", wav(sound(LOW[row], HIGH[column], rng)))


def sound(low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    """Two sine waves (hertz) of random volume and phase, with noise."""
    time = np.arange(int(SECONDS * RATE)) / RATE
    samples = rng.normal(0, rng.uniform(*NOISE), len(time))
    for hertz in (low, high):
        samples += rng.uniform(*VOLUME) * np.sin(2 * np.pi * (hertz * time + rng.random()))
    return samples


def wav(samples: np.ndarray) -> bytes:
    """16-bit mono."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples.astype(np.float32), RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()
