"""Speed of rows of text through convert and validate, beside a bare loop and what others do with such rows.

The sides take turns in processes that stay alive, so that nothing but the work is timed; times are of the
processor, threads and children included, and a ratio is the middle of those of the rounds. The bare loop decodes
each line into a struct, encodes and writes it, once for each of the two stages. ms-swift loads and preprocesses; a
row-wise map of `datasets` makes the same checks; neither writes JSONL or a ledger. Every side must give the same
number of rows with the same texts.

    .venv/bin/python benchmarks/data/bench_text.py [--rows 100000] [--rounds 3] [--data-juicer PYTHON]
"""

import argparse
import gc
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import msgspec
from tables import WANTED_REACHED, at_least, at_most, markdown
from text_peers import digest, processor_seconds, turns

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests")]

from omnitune import converters, environments  # noqa: E402
from omnitune.config.validate import ValidateConfig  # noqa: E402
from omnitune.validation.validate import Gate, validate_file  # noqa: E402

# (file of rows, folder) -> processor seconds, number of rows, digest of their texts.
Side = Callable[[Path, Path], tuple[float, int, str]]

COMMON = (
    "the a of to and in is that it for was on are as with they be at one have this from or had by but some what "
    "there we can out other were all your when up use word how said an each she which do their time if will way"
)
WORDS = COMMON.split(" ")
FOREIGN = ("你好", "世界", "測試", "данные", "привет", "naïve", "café", "Größe", "résumé")
TAGS = ("a < b", "<b>bold</b>", "if (x<3) {", "<think>", "List<String>", '{"key": "value"}')


WANTED: dict[str, Callable[[float], tuple[str, str]]] = {
    "bare": partial(at_most, 2.5),
    "datasets.map": partial(at_least, 5),
    "ms-swift": partial(at_least, 10),
}


# The rows.


def make_rows(path: Path, count: int) -> None:
    """Conversations of about 650 bytes, all of them good.

    Every second has an id of its own and every fourth two rounds; some have a system turn, other scripts, tags,
    colons, quotes and line ends.
    """
    draw = random.Random(17)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            roles = ["system"] * (number % 4 == 0) + ["user", "assistant"] * (1 + (number % 4 == 1))
            said = [{"role": role, "content": _text(draw, number, role)} for role in roles]
            row = {"id": f"row-{number}", "messages": said} if number % 2 else {"messages": said}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _text(draw: random.Random, number: int, role: str) -> str:
    words = draw.choices(WORDS, k=draw.randint(10, 120 if role == "assistant" else 50))
    if number % 7 == 3:
        words[::5] = draw.choices(FOREIGN, k=len(words[::5]))
    if number % 16 == 5:
        words[len(words) // 2] = draw.choice(TAGS)
    if number % 5 < 2:
        words[-1] += '.\n\nNote: "so it is", as said.'
    return " ".join(words)


# The sides.


def ours(path: Path, folder: Path) -> tuple[float, int, str]:
    """What convert.py and validate.py do after their start."""
    start = processor_seconds()
    source = converters.open_source("rows", path, "any", {}, [path.parent], folder / "media")
    converters.convert_source(source, "messages", folder / "c.jsonl")
    with Gate(str(path), ["sft", "eval"], ValidateConfig()) as gate:
        counts = validate_file(gate, folder / "c.jsonl", folder / "v.jsonl", folder / "l.jsonl")
    seconds = processor_seconds() - start
    with (folder / "l.jsonl").open() as ledger:
        assert sum(json.loads(line)["verdict"] == "accepted" for line in ledger) == counts["accepted"]
    return seconds, *_written(folder / "v.jsonl")


class _Turn(msgspec.Struct, gc=False):
    role: str
    content: str


class _Row(msgspec.Struct, gc=False, omit_defaults=True):
    messages: list[_Turn]
    id: str = ""


def bare(path: Path, folder: Path) -> tuple[float, int, str]:
    """Twice: decode each line, encode it, write it."""
    start = processor_seconds()
    _pass_on(path, folder / "bare1.jsonl")
    _pass_on(folder / "bare1.jsonl", folder / "bare2.jsonl")
    return processor_seconds() - start, *_written(folder / "bare2.jsonl")


def _pass_on(source: Path, target: Path) -> None:
    decode, encode = msgspec.json.Decoder(_Row).decode, msgspec.json.Encoder().encode
    with source.open("rb") as lines, target.open("wb") as file:
        write = file.write
        for line in lines:
            write(encode(decode(line)) + b"\n")


def _written(path: Path) -> tuple[int, str]:
    with path.open("rb") as lines:
        return digest(turns(json.loads(line)) for line in lines)


@contextmanager
def peer(name: str, python: Path, folder: Path) -> Iterator[Side]:
    """A side of text_peers.py in another environment, with caches of its own."""
    places = {"MODELSCOPE_CACHE": "ms", "HF_HOME": "hf", "DATA_JUICER_CACHE_HOME": "dj"}
    environment = os.environ | {key: str(folder / place) for key, place in places.items()}
    environment |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1"}
    command = [python, Path(__file__).with_name("text_peers.py"), name]
    with (folder.parent / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
    assert process.stdin
    assert process.stdout

    def ask(path: Path, _: Path) -> tuple[float, int, str]:
        print(json.dumps([str(path), str(folder)]), file=process.stdin, flush=True)
        if not (answer := process.stdout.readline()):
            raise RuntimeError(f"{name} ended:\n{(folder.parent / f'{name}.log').read_text()[-2000:]}")
        seconds, rows, found = json.loads(answer)
        return seconds, rows, found

    try:
        yield ask
    finally:
        process.stdin.close()
        process.wait()


# The measurement.


def measure(rows: int, rounds: int, peers: Mapping[str, Path], folder: Path) -> dict[str, list[float]]:
    """Seconds of each round, by side; a first round, in which every side warms up, is left out.

    Args:
        rows: number of rows.
        rounds: number of rounds that count.
        peers: name -> interpreter, of the sides beside ours and the bare loop.
        folder: an empty folder.
    """
    path = folder / "rows.jsonl"
    make_rows(path, rows)
    expected = _written(path)
    found: dict[str, list[float]] = {}
    threshold = gc.get_threshold()
    gc.set_threshold(100_000)  # as the commands do
    with ExitStack() as stack:
        sides: dict[str, Side] = {"ours": ours, "bare": bare}
        for name, python in peers.items():
            sides[name] = stack.enter_context(peer(name, python, folder / name))
        stack.callback(gc.set_threshold, *threshold)
        for number in range(rounds + 1):
            for name, side in sides.items():
                seconds, *work = side(path, folder)
                if tuple(work) != expected:
                    raise AssertionError(f"{name} gives other rows than it was given: {work}, not {expected}")
                if number:
                    found.setdefault(name, []).append(seconds)
    return found


def ratios(found: Mapping[str, list[float]]) -> dict[str, float]:
    """How many times the bare loop we take, and how many times us each other takes: the middle of the rounds."""
    return {
        name: statistics.median(
            us / them if name == "bare" else them / us for us, them in zip(found["ours"], seconds, strict=True)
        )
        for name, seconds in found.items()
        if name != "ours"
    }


def table(found: Mapping[str, list[float]], rows: int) -> str:
    """The Markdown table."""
    compared, lines = ratios(found), []
    for name, seconds in found.items():
        times = [f"{pick(seconds) / rows * 1e5:.2f}" for pick in (min, statistics.median)]
        ratio, wanted = compared.get(name, 1.0), WANTED.get(name)
        cells = ("", "") if name == "ours" else ("", f"{ratio:.1f}x") if wanted is None else wanted(ratio)
        compares = "" if name == "ours" else "ours / it" if name == "bare" else "it / ours"
        lines.append([name, *times, compares, *cells])
    return markdown(["text, one core", "best s / 100k rows", "median", "ratio", *WANTED_REACHED], lines)


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data-juicer", type=Path, metavar="PYTHON", help="interpreter that has data-juicer")
    options = parser.parse_args()
    peers = dict.fromkeys(("datasets.map", "ms-swift"), environments.require("swift"))
    if options.data_juicer:
        peers["data-juicer"] = options.data_juicer
    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(options.rows, options.rounds, peers, Path(folder)), options.rows))


if __name__ == "__main__":
    main()
