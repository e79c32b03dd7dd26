"""Bytes of good and bad files changed at random: no crash, no hang, and a verdict on every row.

Each file has a seed of its own: OMNITUNE_FUZZ_SEED=number begins with the file of that seed (see tests/full.py).
"""

import json
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bad_rows import CASES
from full import FUZZ_SECONDS, FUZZ_SEED
from good_rows import FILES
from media_files import image, wav

from omnitune import converters
from omnitune.config.validate import ValidateConfig
from omnitune.errors import PipelineError
from omnitune.readers import reader_name
from omnitune.validation.policy import without_stops
from omnitune.validation.validate import Gate

# The rest is the media's.
SECONDS = FUZZ_SECONDS / 2
# One file may take so long; the largest takes a hundredth of it.
LIMIT_SECONDS = 10
LEAST = 400  # files, of which two in a hundred are refused
TOKENS = [
    *(
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\\",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\\u0000",
        b"\\ud800",
    ),
    *(
        b"null",
        b"NaN",
        b"1e999",
        b"-1",
        b'"role"',
        b'"user"',
        b'"content"',
        b'"messages"',
        b'"images"',
        b"<image>",
    ),
    *(b"<|im_end|>", b"a.wav", b"../", b"/dev/zero", b"file:", b"\xff\xfe", b"\t", b";", b'""', b"9" * 40),
]


def seeds() -> list[tuple[str, bytes]]:
    """(suffix, content) of the files that are changed."""
    rows = [row for row in FILES.values() if len(row) < 5000]
    rows += [
        case.content() for case in CASES if case.suffix == ".jsonl" and not case.name.startswith(("023", "024"))
    ]
    found = [(".jsonl", row) for row in rows]
    array = [json.loads(row) for row in rows[20:60] if row.count(b"\n") == 1]
    found.append((".json", json.dumps(array).encode()))
    found.append((".json", json.dumps({str(number): row for number, row in enumerate(array)}).encode()))
    found.append((".csv", b'id,question,answer,image\na,"Wh\ny?",So.,i.png\nb,"[""x""]",y,\n'))
    found.append((".tsv", b"text\taudio\nWhy?\ta.wav\n"))
    return found


def mutated(content: bytes, others: list[tuple[str, bytes]], draw: random.Random) -> bytes:
    """The content with one to six changes."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 6)):
        at = draw.randint(0, len(changed))
        end = min(len(changed), at + draw.choice([1, 1, 2, 8, 64]))
        match draw.randrange(7):
            case 0:
                changed[at:end] = draw.randbytes(draw.randint(1, 4))
            case 1:
                changed[at:at] = draw.choice(TOKENS)
            case 2:
                del changed[at:end]
            case 3:
                changed[at:at] = changed[at:end] * draw.randint(1, 3)
            case 4:
                changed[at:end] = draw.choice(TOKENS)
            case 5:
                other = draw.choice(others)[1]
                start = draw.randint(0, len(other))
                changed[at:at] = other[start : start + draw.randint(1, 200)]
            case _:
                del changed[at : None if draw.random() < 0.3 else end]
    return bytes(changed)


@contextmanager
def limit(seconds: float, what: str) -> Iterator[None]:
    """Fails when the block hangs."""

    def stop(*_: object) -> None:
        pytest.fail(f"{what} hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_changed_bytes_never_crash_and_every_row_gets_a_verdict(tmp_path: Path):
    wav(tmp_path / "a.wav")
    image(tmp_path / "i.png")
    files, seed, refused, rejected = seeds(), FUZZ_SEED, 0, 0
    end = time.monotonic() + SECONDS
    while seed < FUZZ_SEED + LEAST or time.monotonic() < end:
        draw = random.Random(seed)
        suffix, content = draw.choice(files)
        content = mutated(content, files, draw)
        path = tmp_path / f"rows{suffix}"
        path.write_bytes(content)
        shown, seed = f"seed {seed}, {suffix}: {content[:2000]!r}", seed + 1
        with limit(LIMIT_SECONDS, shown):
            try:
                source = converters.open_source("s", path, "t", {}, [tmp_path], tmp_path / "media")
                rows = list(converters.convert_rows(source, reader_name("", path)))
                gate = Gate("rows", ["sft", "eval"], ValidateConfig(policy=without_stops({"E214": "warn"})))
                judged = gate.judge(rows)
            except PipelineError:
                refused += 1
                continue
            except BaseException as error:
                error.add_note(shown)
                raise
        numbers = [row.ledger.line for row in judged]
        assert numbers == sorted(set(numbers)), shown
        assert len(numbers) == len(rows) > 0, shown
        for row in judged:
            assert (row.record is None) == (row.ledger.verdict == "rejected"), shown
            assert row.ledger.verdict == "accepted" or (row.ledger.codes and row.ledger.message), shown
        rejected += sum(row.record is None for row in judged)
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "media"]
    assert {path.name for path in left} <= {"a.wav", "i.png", *(f"rows{suffix}" for suffix, _ in files)}
    assert not list(tmp_path.rglob(".*"))
    print(f"{seed - FUZZ_SEED} files, {refused} refused, {rejected} rows rejected")
    # The changes must bite: files of all three fates were there.
    assert min(refused, rejected) > (seed - FUZZ_SEED) / 200
