"""Media files for benchmarks, made by code: the sizes of facts that a training set has."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

Medium = tuple[str, str]
T = TypeVar("T")
# Long ago: what was only just written is not kept in a cache.
SETTLED = (1_700_000_000, 1_700_000_000)


def media_set(folder: Path, counts: dict[str, int]) -> dict[str, list[Medium]]:
    """(modality, path) of `counts[kind]` files of each kind; those that are there are not made again.

    Kinds: wav, flac and mp3 of 5 s at 16 kHz; jpg and png of 1024 x 768; mp4 of 10 s, 640 x 360, 300 frames.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Medium]] = {}
    for kind, count in counts.items():
        modality, make = _KINDS[kind]
        paths = [folder / f"{number:06d}.{kind}" for number in range(count)]
        for number, path in enumerate(paths):
            if not path.exists():
                make(path, number)
                os.utime(path, SETTLED)
        found[kind] = [(modality, str(path)) for path in paths]
    return found


def measured_by_command(
    about: str | None, measure: Callable[[Path, float, int], T], rounds: int
) -> tuple[T, float]:
    """What `measure(folder, share, rounds)` finds as the command line wants it, and the share of the files.

    Args:
        about: the benchmark's description.
        rounds: unless the command line says otherwise.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the files, for a quick look")
    parser.add_argument("--folder", type=Path, help="where the files are made and kept")
    parser.add_argument("--rounds", type=int, default=rounds)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        return measure(args.folder or Path(temporary), args.share, args.rounds), args.share


def _sound(path: Path, number: int) -> None:
    import numpy as np
    import soundfile

    noise = np.random.default_rng(number).normal(0, 0.05, 80_000)
    tone = 0.4 * np.sin(np.arange(80_000) * (0.02 + number % 50 / 500))
    soundfile.write(path, np.round((noise + tone) * 32_767).clip(-32_768, 32_767).astype(np.int16), 16_000)


def _picture(path: Path, number: int) -> None:
    import numpy as np
    from PIL import Image

    coarse = np.random.default_rng(number).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    grain = np.random.default_rng(number % 7).integers(0, 12, (768, 1024, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((1024, 768), Image.Resampling.BICUBIC))
    Image.fromarray(smooth // 2 + grain + 40).save(path, quality=85)


def _video(path: Path, number: int) -> None:
    import av
    import numpy as np

    base = np.random.default_rng(number).integers(0, 255, (360, 1280, 3), dtype=np.uint8) // 4
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        track = container.add_stream("aac", rate=16_000, layout="mono")
        for index in range(300):
            picture = np.ascontiguousarray(base[:, 2 * index : 2 * index + 640] + 2 * np.uint8(index % 64))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        tone = (0.3 * np.sin(np.arange(160_000) * 0.05)).astype(np.float32)[None]
        for start in range(0, 160_000, 1024):
            frame = av.AudioFrame.from_ndarray(tone[:, start : start + 1024], "fltp", "mono")
            frame.sample_rate, frame.pts = 16_000, start
            container.mux(track.encode(frame))
        container.mux(track.encode())


_KINDS = {
    "wav": ("audio", _sound),
    "flac": ("audio", _sound),
    "mp3": ("audio", _sound),
    "jpg": ("image", _picture),
    "png": ("image", _picture),
    "mp4": ("video", _video),
}
