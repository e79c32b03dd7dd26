"""Speed of header probes, beside a bare header loop and the libraries' own open.

Makes 10,000 WAV, 10,000 JPEG and 500 MP4 files in a folder (kept with --folder), then times the three readers over
them in turns and takes the best of the rounds. Facts are compared before anything is timed.

    .venv/bin/python benchmarks/data/bench_headers.py [--share 0.1] [--folder DIR] [--rounds 3]
"""

import argparse
import gc
import os
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests")]

from tables import WANTED_REACHED, at_most, markdown  # noqa: E402

from omnitune.media.probe import probe  # noqa: E402

Facts = tuple[Any, ...]
# Times the bare loop, at most.
WANTED = 1.3


# The files.


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


MODES = {1: "L", 3: "RGB", 4: "CMYK"}
CODECS = {b"avc1": "h264", b"hvc1": "hevc", b"mp4v": "mpeg4"}


# The bare loops: what a person would write to get these facts and nothing else.


def bare_wav(path: str) -> Facts:
    """(rate, channels, frames) by a walk over the chunks."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        head = file.read(4096)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise ValueError(path)
    at = 12
    while True:
        name, length = struct.unpack_from("<4sI", head, at)
        if name == b"fmt ":
            _, channels, rate, _, block, _ = struct.unpack_from("<HHIIHH", head, at + 8)
        elif name == b"data":
            return rate, channels, length // block
        at += 8 + length + length % 2


def bare_jpg(path: str) -> Facts:
    """(width, height, mode, EXIF's orientation) by a walk over the segments."""
    turned = 1
    with open(path, "rb") as file:  # noqa: PTH123
        if file.read(2) != b"\xff\xd8":
            raise ValueError(path)
        while True:
            marker, length = struct.unpack(">HH", file.read(4))
            if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
                _, height, width, colours = struct.unpack(">BHHB", file.read(6))
                return width, height, MODES[colours], turned
            if marker == 0xFFE1:
                block = file.read(length - 2)
                order = "<" if block[6:8] == b"II" else ">"
                (at,) = struct.unpack_from(order + "I", block, 10)
                (count,) = struct.unpack_from(order + "H", block, 6 + at)
                for entry in range(8 + at, 8 + at + 12 * count, 12):
                    tag, value = struct.unpack_from(order + "H6xH", block, entry)
                    turned = value if tag == 0x0112 else turned
            else:
                file.seek(length - 2, 1)


def bare_mp4(path: str) -> Facts:
    """What `ours_mp4` gives, by a walk over the index."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        size = os.fstat(file.fileno()).st_size
        at = 0
        while at < size:
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind == b"moov":
                tracks: dict[bytes, dict[str, Any]] = {}
                walk(file.read(length - 8), 0, length - 8, {}, tracks)
                video, sound = tracks[b"vide"], tracks[b"soun"]
                codec, width, height = struct.unpack_from(">4s24xHH", video["entry"], 4)
                rate = struct.unpack_from(">H", sound["entry"], 32)[0]
                frames, seconds = video["samples"], played(video)
                found = CODECS[codec], width, height, frames, frames / seconds, video["constant"], seconds
                return *found, video["rotated"], played(sound), rate
            at += length
    raise ValueError(path)


def played(track: dict[str, Any]) -> float:
    """Seconds of a track, by its edit list when that leaves something out."""
    seconds: float = track["seconds"]
    return min(seconds, track["edit"]) if seconds - track["edit"] > 0.001 else seconds


def walk(data: bytes, at: int, end: int, track: dict[str, Any], tracks: dict[bytes, dict[str, Any]]) -> None:
    """Fill in the tracks from the boxes of `data` between `at` and `end`."""
    while at < end:
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"trak":
            walk(data, at + 8, at + length, {}, tracks)
        elif kind in (b"edts", b"mdia", b"minf", b"stbl"):
            walk(data, at + 8, at + length, track, tracks)
        elif kind == b"tkhd":
            track["rotated"] = struct.unpack_from(">ii", data, at + 48) != (0x10000, 0)
        elif kind == b"elst":
            track["edit"] = struct.unpack_from(">I", data, at + 16)[0] / 1000
        elif kind == b"mdhd":
            scale, ticks = struct.unpack_from(">II", data, at + 20)
            track["seconds"] = ticks / scale
        elif kind == b"hdlr":
            tracks[data[at + 16 : at + 20]] = track
        elif kind == b"stsd":
            track["entry"] = data[at + 16 : at + length]
        elif kind == b"stts":
            track["constant"] = struct.unpack_from(">I", data, at + 12)[0] == 1
        elif kind == b"stsz":
            (track["samples"],) = struct.unpack_from(">I", data, at + 16)
        at += length


# The libraries.


def library_wav(path: str) -> Facts:
    """By libsndfile."""
    import soundfile

    with soundfile.SoundFile(path) as sound:
        return sound.samplerate, sound.channels, sound.frames


def library_jpg(path: str) -> Facts:
    """By Pillow."""
    from PIL import Image

    with Image.open(path) as image:
        return *image.size, image.mode, image.getexif().get(0x0112, 1)


def library_mp4(path: str) -> Facts:
    """By FFmpeg; it tells a rotation only with a decoded frame."""
    import av

    with av.open(path) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        seconds, heard = (float(stream.duration * stream.time_base) for stream in (video, sound))
        size, rate = (video.width, video.height), video.average_rate
        constant = rate == video.base_rate
        found = video.codec.name, *size, video.frames, float(rate), constant, seconds
        return *found, False, heard, sound.sample_rate


# Ours, as the same facts.


def ours_wav(path: str) -> Facts:
    """By omnitune."""
    found = probe("audio", path)
    return found.sample_rate, found.channels, found.frames


def ours_jpg(path: str) -> Facts:
    """By omnitune."""
    found = probe("image", path)
    return found.width, found.height, found.mode, found.orientation


def ours_mp4(path: str) -> Facts:
    """Codec, size, frames, rate, whether it is constant, seconds, whether turned; sound's seconds, rate."""
    found = probe("video", path)
    size, sound = (found.width, found.height), (found.audio_seconds, found.audio_rate)
    # Nothing is remarked upon in these files; a variable rate would be.
    return (
        found.codec,
        *size,
        found.frames,
        found.fps,
        not found.findings,
        found.duration,
        found.rotation != 0,
        *sound,
    )


KINDS: dict[str, tuple[int, Callable[[Path, int], None], dict[str, Callable[[str], Facts]]]] = {
    "wav": (10_000, make_wav, {"ours": ours_wav, "bare": bare_wav, "library": library_wav}),
    "jpg": (10_000, make_jpg, {"ours": ours_jpg, "bare": bare_jpg, "library": library_jpg}),
    "mp4": (500, make_mp4, {"ours": ours_mp4, "bare": bare_mp4, "library": library_mp4}),
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


def compare(paths: list[str], readers: dict[str, Callable[[str], Facts]]) -> None:
    """Stop when two readers disagree on a file; this also brings every file into the page cache."""
    for path in paths:
        facts = {name: read(path) for name, read in readers.items()}
        if len(set(facts.values())) > 1:
            sys.exit(f"{path}: {facts}")


def timed(paths: list[str], readers: dict[str, Callable[[str], Facts]], rounds: int) -> dict[str, float]:
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
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the files, for a quick look")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best counts")
    parser.add_argument("--folder", type=Path, help="keep the files here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = measure(options.folder or Path(temporary), options.share, options.rounds)
    head = ["headers, us a file", "ours", "bare loop", "library's open", "library / ours", *WANTED_REACHED]
    rows = []
    for kind, ratio in ratios(found).items():
        us = found[kind]
        files = max(round(KINDS[kind][0] * options.share), 1)
        times = [f"{us[name]:.1f}" for name in ("ours", "bare", "library")]
        rows.append([f"{files} {kind}", *times, f"{us['library'] / us['ours']:.1f}", *at_most(WANTED, ratio)])
    print(markdown(head, rows))


if __name__ == "__main__":
    main()
