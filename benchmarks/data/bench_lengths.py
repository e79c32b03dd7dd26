"""Speed of exact row lengths, beside `swift export --to_cached_dataset`, which encodes each row for its length.

Ours is all that convert.py and validate.py do with the rows, by the headers of their media; theirs is an export,
less one of a few rows, which is its start. Processor time on both sides, threads and processes included. Every
length must be the same number.

    .venv/bin/python benchmarks/data/bench_lengths.py [--rows 100] [--rounds 1]
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tables import WANTED_REACHED, at_least, markdown

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests")]

from media_files import read_jsonl, write_jsonl  # noqa: E402
from mixed_rows import rows as mixed_rows  # noqa: E402

from omnitune import converters, environments  # noqa: E402
from omnitune.config.media import MediaConfig  # noqa: E402
from omnitune.config.validate import ValidateConfig  # noqa: E402
from omnitune.swift_args import media_environment  # noqa: E402
from omnitune.validation.lengths import LengthCheck  # noqa: E402
from omnitune.validation.validate import Gate, validate_file  # noqa: E402

# Times ours, at least.
WANTED = 50
PEERS = Path(__file__).with_name("swift_peers.py")
_OURS_ROUNDS = 5
_FEW, _TEXT = 4, 40
_SIFTED = 10  # rows that are made for one of text that is measured
_NO_LIMIT = 1_000_000


class Times(NamedTuple):
    """Processor seconds for so many rows: ours of each round, and the export's without its start."""

    rows: int
    ours: list[float]
    export: float


def measure(folder: Path, rows: int = 100, rounds: int = 1) -> dict[str, Times]:
    """Times by kind of rows: `mixed`, most of which have images, sounds or clips, and `text`."""
    model = tiny_model(folder / "model")
    # A row of text takes ms-swift a millisecond: many must be more than what its start differs by.
    drawn = mixed_rows(folder / "media", _SIFTED * _TEXT * rows, files=rows)
    made = [row for place, row in enumerate(drawn) if place < 2 * rows or is_text(row)]
    # Some have media that no pipeline of ours would let in.
    path = write_jsonl(folder / "all.jsonl", map(bare, made))
    made = [made[line - 1] for line in count(model, path, folder)[1]]
    kinds = {"mixed": made[:rows], "text": list(filter(is_text, made))[: _TEXT * rows]}
    found = {}
    for kind, chosen in kinds.items():
        path = write_jsonl(folder / f"{kind}.jsonl", map(bare, chosen))
        few = write_jsonl(folder / f"{kind}.few.jsonl", map(bare, chosen[:_FEW]))
        times, starts, exports = [], [], []
        for _ in range(rounds):
            starts.append(export(model, few, folder / "few")[0])
            seconds, lengths = export(model, path, folder / "many")
            exports.append(seconds)
            for _ in range(_OURS_ROUNDS):
                seconds, own = count(model, path, folder)
                times.append(seconds)
                if list(own.values()) != lengths:
                    raise AssertionError(f"{kind}: the lengths are {own}, and not {lengths}")
        # Of the lowest: other work only adds, and a start takes as long as thousands of rows of text.
        without_start = (min(exports) - min(starts)) * len(chosen) / (len(chosen) - _FEW)
        found[kind] = Times(len(chosen), times, without_start)
    return found


def is_text(row: Mapping[str, Any]) -> bool:
    """Whether it has no media."""
    return not any(name in row for name in ("images", "audios", "videos"))


def bare(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that ms-swift reads."""
    return {name: row[name] for name in ("messages", "images", "audios", "videos") if name in row}


def tiny_model(folder: Path) -> Path:
    """A random Qwen3-Omni with the real tokens; lengths depend on its tokenizer and configs, not on its size."""
    command = [environments.require("swift"), ROOT / "workflow/scripts/demo.py", "model", "--output", folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def count(model: Path, path: Path, folder: Path) -> tuple[float, dict[int, int]]:
    """Seconds, and lengths by line, ours."""
    start = time.process_time()
    source = converters.open_source("rows", path, "any", {}, [folder], folder / "inside")
    converters.convert_source(source, "messages", folder / "c.jsonl")
    lengths = LengthCheck(model, MediaConfig(), {"sft": _NO_LIMIT})
    with Gate(str(path), ["sft"], ValidateConfig(), lengths=lengths) as gate:
        validate_file(gate, folder / "c.jsonl", folder / "v.jsonl", folder / "l.jsonl")
    seconds = time.process_time() - start
    return seconds, {row["line"]: row["facts"]["tokens"] for row in read_jsonl(folder / "v.jsonl")}


def export(model: Path, path: Path, output: Path) -> tuple[float, list[int]]:
    """Seconds and lengths of an export."""
    python = environments.require("swift")
    environment = {
        **os.environ, **media_environment(MediaConfig()), "HF_HUB_OFFLINE": "1", "USE_HF": "1",
        "MODELSCOPE_CACHE": str(output.parent / "cache"), "HF_HOME": str(output.parent / "cache"),
    }  # fmt: skip
    command: Sequence[object] = [
        python, "-m", "swift.cli.export", "--model", model, "--model_type", "qwen3_omni_moe", "--dataset", path,
        "--to_cached_dataset", "true", "--output_dir", output, "--exist_ok", "true", "--max_length", _NO_LIMIT,
        "--dataset_num_proc", "1", "--load_from_cache_file", "false", "--dataset_shuffle", "false",
        "--split_dataset_ratio", "0",
    ]  # fmt: skip
    before = _children()
    subprocess.run([str(word) for word in command], env=environment, check=True, capture_output=True)
    seconds = _children() - before
    read = [str(python), str(PEERS), "lengths", str(output / "train")]
    done = subprocess.run(read, env=environment, check=True, capture_output=True, text=True)
    return seconds, [length for _, length in json.loads(done.stdout.splitlines()[-1])]


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ratios(found: Mapping[str, Times]) -> dict[str, float]:
    """How many times longer an export takes, by kind of rows."""
    return {kind: times.export / statistics.median(times.ours) for kind, times in found.items()}


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100, help="of mixed ones, and 40 times as many of text")
    parser.add_argument("--rounds", type=int, default=1, help="exports of each kind")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), args.rows, args.rounds)
    lines = []
    for kind, ratio in ratios(found).items():
        rows, ours, theirs = found[kind]
        times = [f"{1000 * seconds / rows:.2f}" for seconds in (statistics.median(ours), theirs)]
        lines.append([f"{rows} {kind} rows", *times, "100 %", *at_least(WANTED, ratio)])
    print(markdown(["lengths, ms a row", "ours", "swift export", "equal", *WANTED_REACHED], lines))


if __name__ == "__main__":
    main()
