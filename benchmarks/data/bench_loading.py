"""Speed of `validate.media: header`, beside what ms-swift does with a medium to learn how many tokens it has.

ms-swift decodes sound (`load_audio`, to 16 kHz), and decodes pictures and cuts them into patches (its processor of
images). The sides take turns, and the lowest of the rounds counts; processor time, one thread.

    .venv/bin/python benchmarks/data/bench_loading.py [--share 0.1] [--folder DIR] [--rounds 3]
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench_lengths import PEERS, tiny_model
from bench_levels import cpu_seconds
from media_set import Medium, measured_by_command, media_set
from tables import WANTED_REACHED, at_least, markdown

from omnitune import environments
from omnitune.config.validate import ValidateConfig
from omnitune.media.inspect import Inspector

COUNTS = {"wav": 2000, "flac": 1000, "mp3": 1000, "jpg": 200, "png": 100}
# Times ours, at least.
WANTED = {"audio": 10, "image": 50}


@contextmanager
def peer(model: Path) -> Iterator[Any]:
    """Asks ms-swift for its seconds of (modality, paths)."""
    # Progress bars and notes go elsewhere; threads would do what one core is to be compared in.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "USE_HF": "1"}
    environment |= {"MODELSCOPE_CACHE": str(model / "cache"), "TQDM_DISABLE": "1"}
    process = subprocess.Popen(
        [environments.require("swift"), PEERS, "load", model],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout

    def ask(modality: str, paths: list[str]) -> float:
        print(json.dumps([modality, paths]), file=process.stdin, flush=True)
        for line in process.stdout:
            try:
                return float(line)
            except ValueError:  # a note of ms-swift's
                continue
        raise RuntimeError("ms-swift ended")

    try:
        yield ask
    finally:
        process.stdin.close()
        process.wait()


def look(media: list[Medium]) -> list[Any]:
    """Headers, in the batches of the pipeline, nothing known before."""
    with Inspector(ValidateConfig(media="header")) as inspector:
        found = [
            one for start in range(0, len(media), 512) for one in inspector.inspect(media[start : start + 512])
        ]
    assert not any(inspection.findings for inspection in found)
    return found


def measure(
    folder: Path, share: float = 1.0, rounds: int = 3, counts: Mapping[str, int] = COUNTS
) -> dict[tuple[str, str], tuple[float, float]]:
    """(ours, ms-swift's) microseconds a file, by modality and kind of file."""
    files = media_set(folder / "media", {kind: max(2, round(count * share)) for kind, count in counts.items()})
    found: dict[tuple[str, str], tuple[float, float]] = {}
    with peer(tiny_model(folder / "model")) as ask:
        for kind, media in files.items():
            modality, paths = media[0][0], [path for _, path in media]
            ask(modality, paths[:2])  # what is loaded with the first of them
            times = [(cpu_seconds(look, media), ask(modality, paths)) for _ in range(rounds)]
            one, two = (1e6 * min(side) / len(media) for side in zip(*times, strict=True))
            found[modality, kind] = one, two
    return found


def ratios(found: Mapping[tuple[str, str], tuple[float, float]]) -> dict[tuple[str, str], float]:
    """How many times longer ms-swift takes."""
    return {key: theirs / ours for key, (ours, theirs) in found.items()}


def main() -> None:
    """Run and print the table."""
    found, _ = measured_by_command(__doc__, measure, rounds=3)
    lines = []
    for (modality, kind), ratio in ratios(found).items():
        us = (f"{value:.0f}" for value in found[modality, kind])
        lines.append([f"{modality}, {kind}", *us, *at_least(WANTED[modality], ratio)])
    print(markdown(["us a file", "ours, header", "ms-swift's load or encode", *WANTED_REACHED], lines))


if __name__ == "__main__":
    main()
