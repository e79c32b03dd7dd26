"""Speed of `validate.media: hash` and `decode`, beside bare loops that read and hash, or decode, and check
nothing.

Times are of the processor, parent and workers together, so that a ratio is one of work: neither a second core nor
a busy machine improves it. The two sides take turns and the middle of the rounds counts. Before anything is timed,
the digests of `hash` are compared with the bare loop's, and of `decode` samples, pixels and frames are counted.

    .venv/bin/python benchmarks/data/bench_levels.py [--share 0.1] [--folder DIR] [--rounds 5]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import psutil
import xxhash
from media_set import Medium, media_set

from omnitune.config.validate import ValidateConfig
from omnitune.media.inspect import Inspector

COUNTS = {"wav": 4000, "flac": 1000, "mp3": 1000, "jpg": 1000, "png": 200, "mp4": 60}


Level = Literal["header", "hash", "decode"]
Work = Callable[[list[Medium]], list[Any]]
Ours = Callable[[], tuple[float, list[Any]]]


def bare_hash(media: list[Medium]) -> list[Any]:
    """Read and hash."""
    digests = []
    for _, path in media:
        with open(path, "rb") as file:  # noqa: PTH123 (the shortest loop there is)
            digests.append(xxhash.xxh3_128_hexdigest(file.read()))
    return digests


def bare_decode(media: list[Medium]) -> list[Any]:
    """Decode, and count what came out."""
    return [_DECODE[modality](path) for modality, path in media]


def _decode_audio(path: str) -> int:
    import soundfile

    return len(soundfile.read(path, dtype="float32")[0])


def _decode_image(path: str) -> tuple[int, int]:
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        return image.size


def _decode_video(path: str) -> int:
    """Pictures and sound, as we do."""
    import av

    with av.open(path) as container:
        pictures = container.streams.video[0]
        pictures.thread_count = 1
        packets = container.demux(pictures, container.streams.audio[0])
        return sum(packet.stream is pictures for packet in packets for _ in packet.decode())


_DECODE: dict[str, Callable[[str], Any]] = {
    "audio": _decode_audio,
    "image": _decode_image,
    "video": _decode_video,
}


def ours(level: Level, media: list[Medium], other: Medium) -> tuple[float, list[Any]]:
    """Processor seconds and what was found, in the batches of the pipeline and with nothing known before."""
    found: list[Any] = []

    def batches(media: list[Medium]) -> list[Any]:
        for start in range(0, len(media), 512):
            found.extend(inspector.inspect(media[start : start + 512]))
        return found

    with Inspector(ValidateConfig(media=level, processes=1)) as inspector:
        # Starts the process, and loads what it needs.
        inspector.inspect([other])
        return cpu_seconds(batches, media), found


_BARE: dict[Level, Work] = {"hash": bare_hash, "decode": bare_decode}


def check(level: str, media: list[Medium], bare: list[Any], found: list[Any]) -> None:
    """Stop unless both did the same work and nothing was found wrong."""
    assert not any(inspection.findings for inspection in found), next(i for i in found if i.findings)
    assert [inspection.digest for inspection in found] == bare_hash(media)
    if level == "decode":
        assert len({inspection.content for inspection in found}) == len(media)
        for said, inspection in zip(bare, found, strict=True):
            probe = inspection.probe
            size = (probe.width, probe.height) if probe.modality == "image" else probe.frames
            assert said == size, (said, size)


def cpu_seconds(work: Work, media: list[Medium]) -> float:
    """Processor time of one call, in this process and the workers it has."""
    workers = [child.pid for child in psutil.Process().children(recursive=True)]
    begun = _cpu(workers)
    work(media)
    return _cpu(workers) - begun


def _cpu(workers: list[int]) -> float:
    used = [Path(f"/proc/{worker}/schedstat").read_text().split()[0] for worker in workers]
    return time.process_time() + sum(map(int, used)) / 1e9


def main() -> None:
    """Print one line a level and kind of file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the files")
    parser.add_argument("--folder", type=Path, help="where the files are made and kept")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        counts = {kind: max(4, round(count * args.share)) for kind, count in COUNTS.items()}
        files = media_set(args.folder or Path(temporary), counts)
        for level, bare in _BARE.items():
            for kind, media in files.items():
                other = files["jpg" if kind == "wav" else "wav"][0]
                compare(level, kind, media, bare, partial(ours, level, media, other), args.rounds)


def compare(level: Level, kind: str, media: list[Medium], bare: Work, ours: Ours, rounds: int) -> None:
    """Print the line of one kind."""
    check(level, media, bare(media), ours()[1])
    times = [(cpu_seconds(bare, media), ours()[0]) for _ in range(rounds)]
    one, two = (1e6 * statistics.median(side) / len(media) for side in zip(*times, strict=True))
    ratio = statistics.median(b / a for a, b in times)
    print(f"{level:6} {kind:4} {len(media):5} files  bare {one:9.1f} us  ours {two:9.1f} us  x {ratio:.2f}")


if __name__ == "__main__":
    main()
