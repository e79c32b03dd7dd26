"""What one percent more rows costs from source to split, when the others were there in the last run.

Snakemake runs the stages of a source anew when its file has changed. Convert and validate then see every row
again; what is kept over runs is what is known of the media. A full run starts with an empty cache and fills it,
the next has the same rows and one percent new ones, on files of their own. Processor time of the three stages,
parent and workers together, without the start of processes; the lowest of the rounds.

    .venv/bin/python benchmarks/data/bench_more_rows.py [--share 0.1] [--folder DIR] [--rounds 3]
"""

import json
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import get_args

from bench_levels import Level, cpu_seconds
from media_set import Medium, measured_by_command, media_set
from tables import WANTED_REACHED, markdown, share_at_most

from omnitune import converters
from omnitune.config.validate import ValidateConfig
from omnitune.validation.assignment import ValidSource
from omnitune.validation.groups import Draw
from omnitune.validation.split import Rules, split_sources
from omnitune.validation.validate import Gate, validate_file

# Of a full run, at most.
WANTED = 0.03
COUNT = 10_000
_RULES = Rules(Draw(0.01, 0.05, 17), 0.02, need_train=True, need_test=False)


def run(level: Level, media: list[Medium], work: Path) -> float:
    """Seconds of processor time of convert, validate and split, which leave their cache in `work`."""
    rows = work / "rows.jsonl"
    turns = [{"role": "user", "content": "<audio>What is heard?"}, {"role": "assistant", "content": "A tone."}]
    lines = [json.dumps({"messages": turns, "audios": [path]}) + "\n" for _, path in media]
    rows.write_text("".join(lines), encoding="utf-8")
    root = Path(media[0][1]).parent
    source = converters.open_source("s", rows, "t", {}, [root], work / "media")
    converted, valid, ledger = (work / f"{name}.jsonl" for name in ("converted", "valid", "ledger"))

    def stages(media: list[Medium]) -> None:
        converters.convert_source(source, "messages", converted)
        validate_file(gate, converted, valid, ledger)
        split_sources([ValidSource("s", ["sft"], [str(valid)], [str(ledger)])], [root], _RULES, work / "split")

    settings = ValidateConfig(media=level, processes=1)
    with Gate(str(rows), ["sft"], settings, work / "media", cache=work / "cache" / "0.jsonl", ids=False) as gate:
        return cpu_seconds(stages, media)


def measure(
    folder: Path,
    share: float = 1.0,
    rounds: int = 3,
    count: int = COUNT,
    levels: Collection[Level] = get_args(Level)[:2],
) -> dict[Level, tuple[float, float]]:
    """Seconds of the full run and of the next, the lowest of the rounds, by level."""
    count = max(100, round(count * share))
    media = media_set(folder, {"wav": count + count // 100})["wav"]
    found = {}
    for level in levels:
        full, again = [], []
        for _ in range(rounds):
            work = Path(tempfile.mkdtemp(dir=folder))
            full.append(run(level, media[:count], work))
            again.append(run(level, media, work))
            shutil.rmtree(work)
        found[level] = min(full), min(again)
    return found


def ratios(found: Mapping[Level, tuple[float, float]]) -> dict[Level, float]:
    """The share of a full run that one percent more costs."""
    return {level: again / full for level, (full, again) in found.items()}


def main() -> None:
    """Run and print the table."""
    found, _ = measured_by_command(__doc__, measure, rounds=3)
    rows = [
        [level, *(f"{one:.3f}" for one in found[level]), *share_at_most(WANTED, ratio)]
        for level, ratio in ratios(found).items()
    ]
    print(markdown(["1 % more rows with a wav, s", "full run", "next run", *WANTED_REACHED], rows))


if __name__ == "__main__":
    main()
