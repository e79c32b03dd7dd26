"""Video: a coloured square or disc that drifts across a dark field, answered by its direction."""

import io
from collections.abc import Iterator

import numpy as np

from omnitune.demo.example import Example

QUESTION = "Which way does it move?"
SIDE = 64  # pixels of an edge: 4 tokens for each pair of frames
FRAMES, RATE = 4, 2  # two seconds at the two frames per second at which ms-swift samples
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
COLOURS = ((220, 40, 40), (40, 200, 60), (70, 90, 230), (230, 220, 50))
RADIUS = (7, 10)  # pixels
STEP = (12, 15)  # pixels between two frames: it crosses most of the field


def examples(rng: np.random.Generator) -> Iterator[Example]:
    """Random clips without end."""
    while True:
        direction = str(rng.choice(list(DIRECTIONS)))
        yield Example(QUESTION, direction, "video", mp4(clip(direction, rng)))


def clip(direction: str, rng: np.random.Generator) -> np.ndarray:
    """Frames x height x width x RGB: a shape that starts where it can keep moving inside the field."""
    radius, step = int(rng.integers(*RADIUS)), int(rng.integers(*STEP))
    colour, round_ = COLOURS[rng.integers(len(COLOURS))], rng.random() < 0.5
    move = np.array(DIRECTIONS[direction]) * step
    path = move * (FRAMES - 1)
    start = rng.integers(radius + np.maximum(-path, 0), SIDE - radius - np.maximum(path, 0))
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    frames = np.full((FRAMES, SIDE, SIDE, 3), 16, np.uint8)
    for number, frame in enumerate(frames):
        x, y = start + move * number
        dx, dy = abs(across - x), abs(down - y)
        inside = dx**2 + dy**2 < radius**2 if round_ else np.maximum(dx, dy) < radius
        frame[inside] = colour
    return frames


def mp4(frames: np.ndarray) -> bytes:
    """H.264 without anything that differs between two runs (one thread, no dates)."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=RATE, options={"threads": "1", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()
