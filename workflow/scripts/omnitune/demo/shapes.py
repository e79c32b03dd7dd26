"""Video: a square or a disc that drifts across a dark field, answered by its colour."""

import io
from collections.abc import Iterator

import numpy as np

from omnitune.demo.example import Example

QUESTION = "Which colour moves?"
SIDE = 64  # pixels of an edge: 4 tokens for each pair of frames
FRAMES, RATE = 4, 2  # two seconds at the two frames per second at which ms-swift samples
COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (70, 90, 230), "yellow": (230, 220, 50)}
DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))
RADIUS = (12, 16)  # pixels
STEP = (8, 12)  # pixels between two frames


def examples(rng: np.random.Generator) -> Iterator[Example]:
    """Random clips without end."""
    while True:
        colour = str(rng.choice(list(COLOURS)))
        yield Example(QUESTION, colour, "video", mp4(clip(COLOURS[colour], rng)))


def clip(colour: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Frames x height x width x RGB: a shape that starts where it can keep moving inside the field."""
    radius, step = int(rng.integers(*RADIUS)), int(rng.integers(*STEP))
    move, round_ = step * np.array(DIRECTIONS[rng.integers(len(DIRECTIONS))]), rng.random() < 0.5
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
    """H.264 without anything that differs between two runs or two machines: one thread, no dates, no assembly.

    x264's assembly chose other motion for one clip of a few hundred, by where its buffers happened to lie.
    """
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        exact = {"threads": "1", "crf": "18", "x264-params": "asm=0"}
        stream = container.add_stream("libx264", rate=RATE, options=exact)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()
