"""A small picture or a short sound of a medium, as a data: URI that a browser shows without any other file.

The files may be hostile, so each is opened in a confined process.
"""

import io
from base64 import b64encode
from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from typing import Any

from omnitune.media.pool import Lost, Pool

SIDE = 160
SECONDS = 8
_SECONDS_A_FILE = 10.0


def previews(media: Sequence[tuple[str, str]], processes: int = 2) -> dict[tuple[str, str], str]:
    """(modality, path) -> data: URI; empty where none can be made."""
    wanted = list(dict.fromkeys(media))
    with closing(Pool(_preview, processes)) as pool:
        replies = pool.map(wanted, [_SECONDS_A_FILE] * len(wanted), 4)
    return {
        medium: "" if isinstance(reply, Lost) else reply.decode()
        for medium, reply in zip(wanted, replies, strict=True)
    }


def _preview(medium: tuple[str, str]) -> bytes:
    modality, path = medium
    try:
        return {"image": image, "audio": sound, "video": clip}[modality](path).encode()
    except Exception:  # a rejected file may be anything, and a preview is not what the page is for
        return b""


def image(path: str) -> str:
    """A JPEG of at most SIDE x SIDE pixels."""
    from PIL import Image

    with Image.open(path) as picture:
        picture.draft("RGB", (SIDE, SIDE))
        return _jpeg(picture)


def clip(path: str) -> str:
    """The first frame as `image` does."""
    from omnitune.media.container import VIDEO_DEMUXERS, open_container

    with open_container(path, VIDEO_DEMUXERS, "E135", "no clip") as container:
        frame = next(container.decode(video=0))
        return _jpeg(frame.to_image())


def sound(path: str) -> str:
    """Opus of the first SECONDS seconds, mono."""
    import av

    from omnitune.media.container import open_container
    from omnitune.media.wav_writer import DEMUXERS

    buffer = io.BytesIO()
    with (
        open_container(path, DEMUXERS, "E080", "no sound") as source,
        av.open(buffer, "w", format="ogg") as target,
    ):
        stream = target.add_stream("libopus", rate=48_000, layout="mono")
        stream.bit_rate = 24_000
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        samples = 0
        for frame in source.decode(audio=0):
            for piece in resampler.resample(frame):
                samples += piece.samples
                piece.pts, piece.time_base = samples - piece.samples, Fraction(1, 48_000)
                target.mux(stream.encode(piece))
            if samples >= SECONDS * 48_000:
                break
        target.mux(stream.encode(None))
    return _uri("audio/ogg", buffer.getvalue()) if samples else ""


def _jpeg(picture: Any) -> str:
    picture = picture.convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=70)
    return _uri("image/jpeg", buffer.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"
