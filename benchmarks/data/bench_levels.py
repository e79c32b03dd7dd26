"""Speed of `validate.media: hash` and `decode`, beside bare loops that read and hash, or decode, and check
nothing.

Times are of the processor, parent and workers together, so that a ratio is one of work: neither a second core nor
a busy machine improves it. The two sides take turns and the middle of the rounds counts. Before anything is timed,
the digests of `hash` are compared with the bare loop's, and of `decode` samples, pixels and frames are counted.

    .venv/bin/python benchmarks/data/bench_levels.py [--share 0.1] [--folder DIR] [--rounds 5]
"""

import statistics
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import psutil
import xxhash
from media_set import Medium, measured_by_command, media_set
from tables import WANTED_REACHED, at_most, markdown

from omnitune.config.validate import ValidateConfig
from omnitune.media.inspect import Inspector

COUNTS = {"wav": 4000, "flac": 1000, "mp3": 1000, "jpg": 1000, "png": 200, "mp4": 60}


Level = Literal["header", "hash", "decode"]
Work = Callable[[list[Medium]], list[Any]]
# Times the bare loop, at most.
WANTED: dict[Level, float] = {"hash": 1.3, "decode": 1.1}


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


def measure(
    folder: Path,
    share: float = 1.0,
    rounds: int = 5,
    counts: Mapping[str, int] = COUNTS,
    levels: Collection[Level] = ("hash", "decode"),
) -> dict[tuple[Level, str], list[tuple[float, float]]]:
    """(bare, ours) of each round in microseconds a file, by level and kind of file."""
    files = media_set(folder, {kind: max(4, round(count * share)) for kind, count in counts.items()})
    other = media_set(folder, {"jpg": 1, "wav": 1})
    found = {}
    for level, bare in ((level, _BARE[level]) for level in levels):
        for kind, media in files.items():
            work = partial(ours, level, media, other["jpg" if kind == "wav" else "wav"][0])
            check(level, media, bare(media), work()[1])
            times = [(cpu_seconds(bare, media), work()[0]) for _ in range(rounds)]
            found[level, kind] = [(1e6 * one / len(media), 1e6 * two / len(media)) for one, two in times]
    return found


def ratios(found: Mapping[tuple[Level, str], list[tuple[float, float]]]) -> dict[tuple[Level, str], float]:
    """How many times the bare loop we take: the middle of the rounds."""
    return {key: statistics.median(two / one for one, two in times) for key, times in found.items()}


def main() -> None:
    """Run and print the table."""
    found, _ = measured_by_command(__doc__, measure, rounds=5)
    rows = []
    for (level, kind), ratio in ratios(found).items():
        bare, own = (f"{statistics.median(side):.0f}" for side in zip(*found[level, kind], strict=True))
        rows.append([f"{level}, {kind}", own, bare, *at_most(WANTED[level], ratio)])
    print(markdown(["level, us a file", "ours", "bare loop", *WANTED_REACHED], rows))


if __name__ == "__main__":
    main()
