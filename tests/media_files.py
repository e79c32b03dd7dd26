"""Small media files made by code, for tests of the data stages."""

import base64
import json
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

# Codec and rate of the sound of videos, where it is not AAC at 16 kHz.
_SOUNDS = {".webm": ("libopus", 48000), ".avi": ("libmp3lame", 16000)}


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


def video(
    path: Path,
    frames: int = 8,
    size: tuple[int, int] = (64, 48),
    sound: bool = False,
    *,
    codec: str = "mpeg4",
    rate: int = 8,
    pixels: str = "yuv420p",
    tracks: int = 0,
    seconds: float = 0.256,
    times: Sequence[int] = (),
    turned: int = 0,
    shape: tuple[int, int] = (1, 1),
    transfer: int = 0,
    faststart: bool = False,
    fragments: bool = False,
    live: bool = False,
    format: str | None = None,
    noisy: bool = False,
) -> Path:
    """Black frames, at 8 a second if nothing else is asked for, with a track of silence when asked.

    Args:
        tracks: of silence; `sound` stands for one.
        seconds: of silence.
        times: of the frames, in frames; one after the other if none are given.
        turned: degrees clockwise, for display.
        shape: of a pixel.
        transfer: FFmpeg's number of the transfer function.
        faststart: whether the index lies in front of the samples.
        fragments: whether the index comes in pieces.
        live: whether a Matroska file is written as a browser does, without its length.
        noisy: whether the frames show noise that moves.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    flags = "frag_keyframe+empty_moov" if fragments else "faststart" if faststart else ""
    options = {"movflags": flags} if flags else {"live": "1"} if live else {}
    with av.open(str(path), "w", format=format, options=options) as container:
        stream: Any = None
        if frames:
            stream = container.add_stream(codec, rate=rate)
            stream.width, stream.height, stream.pix_fmt = *size, pixels
            stream.codec_context.sample_aspect_ratio = Fraction(*shape)
            if transfer:
                stream.codec_context.color_trc = transfer
                stream.codec_context.color_primaries, stream.codec_context.colorspace = 9, 9
            if turned:
                stream.set_display_rotation(-turned)
        name, hertz = _SOUNDS.get(path.suffix, ("aac", 16000))
        audio: list[Any] = [
            container.add_stream(name, rate=hertz, layout="mono") for _ in range(max(tracks, int(sound)))
        ]
        shown = np.zeros((size[1], size[0], 3), dtype=np.uint8)
        if noisy:
            shown[:] = np.random.default_rng(frames).integers(0, 255, shown.shape)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(shown, 2 * number, 1), format="rgb24")
            if times:
                frame.pts, frame.time_base = times[number], Fraction(1, rate)
            container.mux(stream.encode(frame))
        if frames:
            container.mux(stream.encode())
        for track in audio:
            silence = np.zeros((1, round(seconds * track.rate)), dtype=np.float32)
            heard = av.AudioFrame.from_ndarray(silence, "fltp", "mono")
            heard.sample_rate = track.rate
            container.mux(track.encode(heard))
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
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def chat(question: str = "Why?", answer: str | None = "So.", **columns: Any) -> dict[str, Any]:
    """A row in ms-swift's form."""
    messages = [{"role": "user", "content": question}]
    if answer is not None:
        messages.append({"role": "assistant", "content": answer})
    return {"messages": messages, **columns}
