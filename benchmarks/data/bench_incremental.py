"""What one percent more media costs, when the others are known from the last run.

A full run starts with an empty cache and fills it; the next sees the same files and one percent new ones. Both are
processor time, parent and workers together, without the start of the processes; the lowest of the rounds. The
second run's answers are compared with those of a run without a cache.

    .venv/bin/python benchmarks/data/bench_incremental.py [--share 0.1] [--folder DIR] [--rounds 3]
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

from bench_levels import Level, cpu_seconds
from media_set import Medium, media_set

from omnitune.config.validate import ValidateConfig
from omnitune.media.inspect import Inspector

COUNTS = {"wav": 10_000, "jpg": 2_000, "mp4": 60}


def run(level: Level, cache: Path | None, media: list[Medium]) -> tuple[float, list[Any]]:
    """Seconds of processor time and the inspections of one run."""
    found: list[Any] = []

    def batches(media: list[Medium]) -> list[Any]:
        for start in range(0, len(media), 512):
            found.extend(inspector.inspect(media[start : start + 512]))
        return found

    with Inspector(ValidateConfig(media=level, processes=1), cache) as inspector:
        # The process that workers are forked from serves all rounds; its start is no part of either run.
        inspector.inspect(media[:2])
        return cpu_seconds(batches, media), found


def lookup_seconds(cache: Path, media: list[Medium]) -> float:
    """Processor seconds a file that is known, with the state of the file asked for; the cache's opening apart."""
    with Inspector(ValidateConfig(media="header"), cache) as inspector:
        inspector.inspect(media[:1])
        begun = time.process_time()
        for start in range(0, len(media), 512):
            inspector.inspect(media[start : start + 512])
        return (time.process_time() - begun) / len(media)


def main() -> None:
    """Print one line a level and kind of file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the files")
    parser.add_argument("--folder", type=Path, help="where the files are made and kept")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        counts = {kind: max(2, round(count * args.share)) for kind, count in COUNTS.items()}
        more = {kind: count + max(1, count // 100) for kind, count in counts.items()}
        files = media_set(args.folder or Path(temporary), more)
        for level in get_args(Level):
            for kind, media in files.items():
                full, again = [], []
                for number in range(args.rounds):
                    cache = Path(temporary) / level / kind / str(number) / "0.jsonl"
                    full.append(run(level, cache, media[: counts[kind]])[0])
                    seconds, found = run(level, cache, media)
                    again.append(seconds)
                    assert number or found == run(level, None, media)[1]
                line = f"{level:6} {kind:4} {counts[kind]:6} files  full {min(full):8.3f} s"
                line += f"  and {len(media) - counts[kind]} more {min(again):8.3f} s"
                line += f"  {100 * min(again) / min(full):5.1f} %"
                if level == "header":
                    line += f"  a look-up {1e6 * lookup_seconds(cache, media):.1f} us"
                print(line, flush=True)


if __name__ == "__main__":
    main()
