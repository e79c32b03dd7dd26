"""Small media files made by code, for tests of the data stages."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


def wav(path: Path, seconds: float = 0.1, rate: int = 16000, channels: int = 1, **options: Any) -> Path:
    """A sine tone; `options` are soundfile's (format, subtype)."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.3 * np.sin(np.arange(round(seconds * rate)) * 0.1)
    soundfile.write(path, np.stack([tone] * channels, axis=1), rate, **options)
    return path


def image(path: Path, size: tuple[int, int] = (28, 28), mode: str = "RGB", **options: Any) -> Path:
    """A black image in the format of the path's extension."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size).save(path, **options)
    return path


def video(path: Path, frames: int = 8, size: tuple[int, int] = (64, 48), sound: bool = False) -> Path:
    """Black frames at 8 a second, with a track of silence when asked."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        track = container.add_stream("aac", rate=16000, layout="mono") if sound else None
        for _ in range(frames):
            pixels = np.zeros((size[1], size[0], 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
        if track:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 4096), dtype=np.float32), "fltp", "mono")
            silence.sample_rate = 16000
            container.mux(track.encode(silence))
            container.mux(track.encode())
    return path


def base64_of(path: Path) -> str:
    """The file's content as base64 text."""
    return base64.b64encode(path.read_bytes()).decode()


def write_jsonl(path: Path, rows: Iterable[Any]) -> Path:
    """One JSON value a line; bytes are written as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode() for row in rows]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def chat(question: str = "Why?", answer: str | None = "So.", **columns: Any) -> dict[str, Any]:
    """A row in ms-swift's form."""
    messages = [{"role": "user", "content": question}]
    if answer is not None:
        messages.append({"role": "assistant", "content": answer})
    return {"messages": messages, **columns}
