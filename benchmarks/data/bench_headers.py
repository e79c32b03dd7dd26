"""Speed of header probes, beside a bare header loop and the libraries' own open.

Makes 10,000 WAV, 10,000 JPEG and 500 MP4 files in a folder (kept with --folder), then times the three readers over
them in turns and takes the best of the rounds. Facts are compared before anything is timed.

    .venv/bin/python benchmarks/data/bench_headers.py [--share 0.1] [--folder DIR] [--rounds 3]
"""

import gc
import os
import shutil
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

from header_readers import JPG, MP4, WAV, Readers
from media_set import measured_by_command
from tables import WANTED_REACHED, at_most, markdown

# Times the bare loop, at most.
WANTED = 1.3


def make_wav(path: Path, number: int) -> None:
    """A second or two of 16 kHz mono."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(os.urandom(2 * (16000 + number)))


def make_jpg(path: Path, number: int) -> None:
    """A photograph's size, with EXIF in every second file."""
    from PIL import Image

    picture = Image.effect_noise((320 + number % 64, 240), 40).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 1 + number % 8
    picture.save(path, quality=80, **({"exif": exif} if number % 2 else {}))


def make_mp4(path: Path, number: int) -> None:
    """300 frames of H.264 with sound; the index is at the end, or in front of every second file."""
    import av
    import numpy as np

    options = {"movflags": "faststart"} if number % 2 else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        track = container.add_stream("aac", rate=16000, layout="mono")
        for shade in range(300):
            pixels = np.full((48, 64, 3), (shade + number) % 256, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 160000), dtype=np.float32), "fltp", "mono")
        silence.sample_rate = 16000
        container.mux(track.encode(silence))
        container.mux(track.encode())


KINDS: dict[str, tuple[int, Callable[[Path, int], None], Readers]] = {
    "wav": (10_000, make_wav, WAV),
    "jpg": (10_000, make_jpg, JPG),
    "mp4": (500, make_mp4, MP4),
}


def make_files(folder: Path, kind: str, share: float) -> list[str]:
    """The files of one kind; those that are there are kept. 50 are made, the rest are copies of them."""
    count, make, _ = KINDS[kind]
    paths = [folder / kind / f"{number:05d}.{kind}" for number in range(max(round(count * share), 1))]
    (folder / kind).mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(paths):
        if not path.exists():
            if number < 50:
                make(path, number)
            else:
                shutil.copyfile(paths[number % 50], path)
    return [str(path) for path in paths]


def compare(paths: list[str], readers: Readers) -> None:
    """Stop when two readers disagree on a file; this also brings every file into the page cache."""
    for path in paths:
        facts = {name: read(path) for name, read in readers.items()}
        if len(set(facts.values())) > 1:
            sys.exit(f"{path}: {facts}")


def timed(paths: list[str], readers: Readers, rounds: int) -> dict[str, float]:
    """Microseconds a file of each reader: they take turns on slices, and the best time of each slice counts.

    Processor time: on a machine that others use, it changes less than the clock does. Each round begins with
    another reader: the first one finds the files in no cache of the processor.
    """
    slices = [paths[at : at + 50] for at in range(0, len(paths), 50)]
    best = {name: [float("inf")] * len(slices) for name in readers}
    turns = list(readers.items())
    for _ in range(rounds):
        turns = turns[1:] + turns[:1]
        for number, part in enumerate(slices):
            for name, read in turns:
                start = time.process_time()
                for path in part:
                    read(path)
                best[name][number] = min(best[name][number], time.process_time() - start)
        gc.collect()
    return {name: sum(seconds) / len(paths) * 1e6 for name, seconds in best.items()}


def measure(
    folder: Path, share: float = 1.0, rounds: int = 3, kinds: Collection[str] = tuple(KINDS)
) -> dict[str, dict[str, float]]:
    """Microseconds a file, by kind and reader."""
    found = {}
    for kind in kinds:
        readers = KINDS[kind][2]
        paths = make_files(folder, kind, share)
        compare(paths, readers)
        found[kind] = timed(paths, readers, rounds)
    return found


def ratios(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """How many times the bare loop we take, by kind."""
    return {kind: us["ours"] / us["bare"] for kind, us in found.items()}


def main() -> None:
    """Run and print the table."""
    found, share = measured_by_command(__doc__, measure, rounds=3)
    head = ["headers, us a file", "ours", "bare loop", "library's open", "library / ours", *WANTED_REACHED]
    rows = []
    for kind, ratio in ratios(found).items():
        us = found[kind]
        files = max(round(KINDS[kind][0] * share), 1)
        times = [f"{us[name]:.1f}" for name in ("ours", "bare", "library")]
        rows.append([f"{files} {kind}", *times, f"{us['library'] / us['ours']:.1f}", *at_most(WANTED, ratio)])
    print(markdown(head, rows))


if __name__ == "__main__":
    main()
