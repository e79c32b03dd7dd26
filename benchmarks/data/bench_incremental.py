"""What one percent more media costs, when the others are known from the last run.

A full run starts with an empty cache and fills it; the next sees the same files and one percent new ones. Both are
processor time, parent and workers together, without the start of the processes; the lowest of the rounds. The
second run's answers are compared with those of a run without a cache. Whether a file is still the same is asked of
the file system, file by file; what that costs alone (*stat*) is the least that the next run can take.

    .venv/bin/python benchmarks/data/bench_incremental.py [--share 0.1] [--folder DIR] [--rounds 3]
"""

import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

from bench_levels import Level, cpu_seconds
from media_set import Medium, measured_by_command, media_set
from tables import WANTED_REACHED, markdown, share_at_most

from omnitune.config.validate import ValidateConfig
from omnitune.media.inspect import Inspector

# Of a full run, at most.
WANTED = 0.03
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


class Times(NamedTuple):
    """Seconds of a full run, of one that knows its files and finds some more, and of their states alone."""

    files: int
    full: float
    again: float
    states: float


def measure(
    folder: Path,
    share: float = 1.0,
    rounds: int = 3,
    counts: Mapping[str, int] = COUNTS,
    levels: Collection[Level] = get_args(Level),
) -> dict[tuple[Level, str], Times]:
    """The lowest of the rounds, by level and kind of file."""
    counts = {kind: max(2, round(count * share)) for kind, count in counts.items()}
    files = media_set(folder, {kind: count + max(1, count // 100) for kind, count in counts.items()})
    found = {}
    for level in levels:
        for kind, media in files.items():
            full, again, states = [], [], []
            for number in range(rounds):
                with tempfile.TemporaryDirectory() as empty:
                    cache = Path(empty) / "0.jsonl"
                    full.append(run(level, cache, media[: counts[kind]])[0])
                    seconds, inspections = run(level, cache, media)
                again.append(seconds)
                states.append(cpu_seconds(_states, media))
                assert number or inspections == run(level, None, media)[1]
            found[level, kind] = Times(counts[kind], min(full), min(again), min(states))
    return found


def _states(media: list[Medium]) -> list[Any]:
    return [os.stat(path) for _, path in media]  # noqa: PTH116 (the shortest loop there is)


def ratios(found: Mapping[tuple[Level, str], Times]) -> dict[tuple[Level, str], float]:
    """The share of a full run that one percent more costs."""
    return {key: times.again / times.full for key, times in found.items()}


def main() -> None:
    """Run and print the table."""
    found, _ = measured_by_command(__doc__, measure, rounds=3)
    rows = []
    for (level, kind), ratio in ratios(found).items():
        count, *seconds = found[level, kind]
        times = [f"{one:.3f}" for one in seconds]
        rows.append([f"{level}, {count} {kind}", *times, *share_at_most(WANTED, ratio)])
    print(markdown(["1 % more files, s", "full run", "next run", "stat", *WANTED_REACHED], rows))


if __name__ == "__main__":
    main()
