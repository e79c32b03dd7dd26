"""Bytes of media changed at random, and rows that name them, through the real convert and validate code.

    python tests/media_fuzz.py FOLDER SEED SECONDS

A program of its own: whatever a file does to it, whoever started it sees the seed of the round on its last line.
`python tests/media_fuzz.py FOLDER 1234 0` repeats round 1234. Each round judges some files twice, at one level,
the second time with what the first has left in the cache: both must say the same.
"""

import faulthandler
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "workflow" / "scripts")]

from bad_media import BAD  # noqa: E402
from good_media import GOOD  # noqa: E402
from media_files import chat, image, video, wav, write_jsonl  # noqa: E402

from omnitune import converters  # noqa: E402
from omnitune.config.validate import ValidateConfig  # noqa: E402
from omnitune.records import Record, encode  # noqa: E402
from omnitune.validation.codes import CODES  # noqa: E402
from omnitune.validation.validate import Gate  # noqa: E402

FILES = 24
LEVELS = ("header", "hash", "decode")
# A round of untouched files takes a second or two; a file may take DECODE_SECONDS by right, and some of them.
DECODE_SECONDS, ROUND_SECONDS = 5, 90
LARGEST = 300_000
# What opens a header, a chunk or a box, and what numbers a reader might take for a size.
WORDS = (
    *(b"RIFF", b"WAVE", b"fmt ", b"data", b"LIST", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xd8"),
    *(b"\xff\xd9", b"\xff\xe1", b"\xff\xda", b"\x89PNG\r\n\x1a\n", b"IHDR", b"IDAT", b"IEND", b"WEBP", b"VP8X"),
    *(b"GIF89a", b"\x21\xf9", b"ftyp", b"moov", b"mdat", b"trak", b"stsd", b"stsz", b"stts", b"elst", b"moof"),
    *(b"\x1a\x45\xdf\xa3", b"\xa3", b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1"),
    *(b"\1\0\0\0", b"\0\0\0\x08", b"\0" * 64),
)


class Original(NamedTuple):
    """A file before its bytes are changed."""

    name: str
    modality: str
    content: bytes


def originals(folder: Path) -> list[Original]:
    """Good files of all formats, some that are bad already, and some with sound and pictures."""
    made = []
    # A quarter of the bad ones; what is large on disk or in memory is no start for small changes.
    for number, file in enumerate((*GOOD, *(bad for bad in BAD[::4] if bad.code not in ("E092", "E102", "E105")))):
        (folder / str(number)).mkdir(parents=True)
        made.append((file.modality, file.make(folder / str(number))))
    for suffix in (".mp4", ".mkv", ".webm", ".mov", ".avi"):
        codec = "libvpx" if suffix == ".webm" else "mpeg4" if suffix == ".avi" else "libx264"
        made.append(("video", video(folder / f"sound{suffix}", 12, sound=True, codec=codec)))
    for suffix in (".wav", ".flac", ".mp3", ".ogg"):
        made.append(("audio", wav(folder / f"long{suffix}", 2)))
    for suffix in (".jpg", ".png", ".webp", ".gif", ".bmp"):
        made.append(("image", image(folder / f"large{suffix}", (300, 200))))
    return [
        Original(path.name, modality, path.read_bytes())
        for modality, path in made
        if path.is_file() and path.stat().st_size <= LARGEST
    ]


def changed(content: bytes, others: list[Original], draw: random.Random) -> bytes:
    """The content with one to five changes, mostly where its header is."""
    data = bytearray(content)
    for _ in range(draw.randint(1, 5)):
        reach = min(len(data), draw.choice((64, 600, 4000, len(data))))
        at = draw.randint(0, reach)
        if draw.random() < 0.2:  # where the index of an MP4 and the checks of most formats are
            at = len(data) - at
        end = min(len(data), at + draw.choice((1, 1, 2, 4, 16, 300)))
        match draw.randrange(7):
            case 0:
                data[at:end] = draw.randbytes(end - at)
            case 1:
                data[at : at + 1] = bytes([draw.choice((0, 1, 0x7F, 0x80, 0xFF))])
            case 2:
                word = draw.choice(WORDS)
                data[at : at + len(word) * (draw.random() < 0.7)] = word
            case 3:
                del data[at:end]
            case 4:
                data[at:at] = data[at:end] * draw.randint(1, 3)
            case 5:
                other = draw.choice(others).content
                start = draw.randint(0, len(other))
                data[at:at] = other[start : start + draw.randint(1, 2000)]
            case _:
                del data[at if draw.random() < 0.2 else end :]
    return bytes(data)


def policy() -> dict[str, str]:
    """Everything that can be put right is."""
    return {code: "repair" for code, kind in CODES.items() if "repair" in kind.actions}


def judge(folder: Path, level: str, rows: Path) -> list[tuple[bytes, Record | None]]:
    """Lines of the ledger and good records."""
    settings = ValidateConfig(media=level, decode_seconds=DECODE_SECONDS, processes=2, policy=policy())
    source = converters.open_source("s", rows, "t", {}, [folder], folder / "media")
    converted = list(converters.convert_rows(source, "messages"))
    with Gate(str(rows), ["sft"], settings, folder / "media", cache=folder / "cache" / "0.jsonl") as gate:
        return [(encode(judged.ledger), judged.record) for judged in gate.judge(converted)]


def play(folder: Path, seed: int, files: list[Original]) -> Counter[str]:
    """One round; returns how often there was each verdict and code."""
    draw, level, rows = random.Random(seed), LEVELS[seed % 3], []
    folder.mkdir(parents=True)
    contents = {}
    for number in range(FILES):
        original = draw.choice(files)
        path = folder / f"{number}-{original.name}"
        contents[path] = original.content if draw.random() < 0.05 else changed(original.content, files, draw)
        path.write_bytes(contents[path])
        os.utime(path, (1_700_000_000, 1_700_000_000))  # what is only just written is not kept in a cache
        modality = original.modality if draw.random() < 0.9 else draw.choice(("audio", "image", "video"))
        rows.append(chat(f"<{modality}>", **{f"{modality}s": [path.name]}))
    first = judge(folder, level, write_jsonl(folder / "rows.jsonl", rows))
    again = judge(folder, level, folder / "rows.jsonl")
    assert [line for line, _ in again] == [line for line, _ in first], "another verdict the second time"
    assert len(first) == FILES
    counts = Counter[str]()
    for line, record in first:
        row = json.loads(line)
        counts.update([f"{level} {row['verdict']}", *row["codes"]])
        # Nothing but a decoder may fail; ours says what is wrong.
        assert level == "decode" or "E221" not in row["codes"], row
        assert (record is None) == (row["verdict"] == "rejected"), row
        assert row["verdict"] == "accepted" or (row["codes"] and row["message"]), row
        if record is not None:
            assert all(Path(path).is_file() for _, path in record.media()), row
    assert [str(path) for path, content in contents.items() if path.read_bytes() != content] == []
    left = {path for path in folder.rglob("*") if path.is_file()} - {*contents, folder / "rows.jsonl"}
    left = {path for path in left if path.parent.name != "cache"}
    assert [str(path) for path in left if path.parent.name != "media" or path.name.startswith(".")] == []
    # What starts the workers keeps its socket there to the end.
    assert [path.name for path in Path(tempfile.gettempdir()).iterdir() if not path.name.startswith("pymp-")] == []
    return counts


def main(folder: Path, seed: int, seconds: float) -> None:
    """Play rounds until the time is up; each says its seed before it begins."""
    faulthandler.enable()
    tempfile.tempdir = str(folder / "tmp")
    (folder / "tmp").mkdir(parents=True)
    files = originals(folder / "originals")
    counts, rounds, end = Counter[str](), 0, time.monotonic() + seconds
    while not rounds or time.monotonic() < end:
        print(f"seed {seed}", flush=True)
        faulthandler.dump_traceback_later(ROUND_SECONDS, exit=True)
        counts += play(folder / "round", seed, files)
        faulthandler.cancel_dump_traceback_later()
        shutil.rmtree(folder / "round")
        rounds, seed = rounds + 1, seed + 1
    print(json.dumps({"rounds": rounds, "counts": counts}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
