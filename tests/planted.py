"""A few hundred good rows of all modalities in three sources, and faults of many kinds planted among them."""

import csv
import os
import random
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from bad_media import cut, png
from bad_rows import turns
from media_files import chat, write_jsonl
from mixed_rows import clip

Row = dict[str, Any] | bytes
SOUNDS = ("wav", "wav", "flac", "ogg")
PICTURES = ("png", "jpg", "webp")


class Fault(NamedTuple):
    """One fault: the row that it is planted as, and what the ledger must say of it."""

    row: Row
    code: str
    verdict: str = "rejected"


def sound(path: Path, number: int, seconds: float = 1.0) -> Path:
    """Noise at 16 kHz, another one for each number."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(number).uniform(-0.2, 0.2, round(16000 * seconds))
    soundfile.write(path, samples, 16000)
    return path


def picture(path: Path, number: int, mode: str = "RGB") -> Path:
    """Noise, another one for each number."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 255, (40 + number % 20, 64, len(mode)), dtype=np.uint8)
    Image.fromarray(pixels, mode).save(path)
    return path


def good_rows(folder: Path, count: int) -> list[Row]:
    """Chats about text, pictures, sounds and clips, each with media or a question of its own."""
    rows: list[Row] = []
    for number in range(count):
        audio = f"a/{number}.{SOUNDS[number % len(SOUNDS)]}"
        image = f"i/{number}.{PICTURES[number % len(PICTURES)]}"
        film = f"v/{number}.mp4"
        columns: dict[str, Any] = {}
        match number % 6:
            case 1:
                columns = {"audios": [sound(folder / audio, number) and audio]}
            case 2:
                columns = {"images": [picture(folder / image, number) and image]}
            case 3 if number % 4 == 1:
                clip(folder / film, 8 + number % 40, (64, 64), Fraction(8), 16000 * (number % 8 == 1))
                columns = {"videos": [film]}
            case 4:
                columns = {
                    "images": [picture(folder / image, number) and image],
                    "audios": [sound(folder / audio, number) and audio],
                }
        markers = "".join(f"<{name[:-1]}>" for name in columns)
        rows.append(chat(f"{markers}What is number {number}?", f"It is {number}.", **columns))
    return rows


def faults(data: Path) -> Iterator[Fault]:
    """What is planted among the chats; the media lie in `data`."""

    def of(modality: str, code: str, name: str, make: Callable[[Path], Any], verdict: str = "rejected") -> Fault:
        path = data / "bad" / name
        path.parent.mkdir(exist_ok=True)
        make(path)
        return Fault(chat(f"<{modality}>What of {name}?", **{f"{modality}s": [f"bad/{name}"]}), code, verdict)

    def untrue_length(path: Path) -> None:
        content = bytearray(sound(path, 901).read_bytes())
        content[40:44] = struct.pack("<I", 20 * 3600 * 32000)
        path.write_bytes(content)

    def not_a_number(path: Path) -> None:
        import soundfile

        samples = np.random.default_rng(1).uniform(-0.2, 0.2, 16000)
        samples[700:720] = np.nan
        soundfile.write(path, samples, 16000, subtype="FLOAT")

    def silence(path: Path) -> None:
        import soundfile

        soundfile.write(path, np.zeros(16000), 16000)

    def flipped(path: Path) -> None:
        content = bytearray(picture(path, 903).read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    # Rows.
    yield Fault(b'{"messages": [{"role": "user", "content": "broken"', "E001")
    yield Fault(chat("<audio><audio>Two?", audios=["a/1.wav"]), "E041")
    yield Fault(chat("<audio>None?", audios=[]), "E041")
    yield Fault(chat("What is empty?", " "), "E029")
    yield Fault(chat("Ends<|im_end|>here?"), "E047")
    yield Fault(turns(("system", "Hm"), ("narrator", "Once"), ("user", "Who?"), ("assistant", "He")), "E031")
    yield Fault(chat("No answer?", None), "E035")
    yield Fault(chat("What is long?", "word " * 9000), "E057")
    called = "Thought: I look.\nAction: look\nAction Input: x"
    yield Fault(
        turns(("user", "Look?"), ("assistant", called), ("tool", "y"), ("assistant", "y")), "E223", "accepted"
    )
    yield Fault(chat("What is number 0?", "It is 0.", id="again"), "E056", "duplicate")
    yield Fault(turns(("human", "Who is human?"), ("gpt", "I")), "E032", "repaired")
    # Paths.
    yield Fault(chat("<audio>Gone?", audios=["a/gone.wav"]), "E061")
    yield Fault(chat("<image>Outside?", images=["../secret.png"]), "E069")
    yield Fault(chat("<image>Far?", images=["https://example.com/a.png"]), "E071")
    yield of("image", "E062", "empty.png", Path.touch)
    yield of("audio", "E065", "fifo.wav", os.mkfifo)
    yield of("image", "E068", "zero.png", lambda path: path.symlink_to("/dev/zero"))
    yield of("video", "E073", "list.mp4", lambda path: path.write_text("ffconcat version 1.0\nfile ../v/9.mp4\n"))
    yield of(
        "video", "E074", "play.mp4", lambda path: path.write_text("#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n")
    )
    # Media, by header, by structure and by decoding.
    yield of("audio", "E079", "page.wav", lambda path: path.write_text("<!DOCTYPE html><html>404</html>"))
    yield of("audio", "E081", "half.wav", lambda path: cut(sound(path, 900), 0.5))
    yield of("audio", "E081", "says_20_hours.wav", untrue_length)
    yield of("audio", "E088", "nan.wav", not_a_number)
    yield of("audio", "E089", "silence.wav", silence, "accepted")
    yield of("image", "E101", "half.jpg", lambda path: cut(picture(path, 902), 0.5))
    yield of("image", "E101", "flipped.png", flipped)
    yield of("image", "E102", "huge.png", lambda path: path.write_bytes(png(20_000, 20_000)))
    yield of("image", "E111", "seen_through.png", lambda path: picture(path, 904, "RGBA"), "repaired")
    yield of("video", "E135", "no_index.mp4", lambda path: cut(clip(path, 20, (64, 64), Fraction(8)), 0.6))


class Planted(NamedTuple):
    """The config of the sources, the faults by source and line, and the lines of each source."""

    sources: dict[str, Any]
    faults: dict[tuple[str, int], Fault]
    lines: dict[str, range]


def plant(folder: Path) -> Planted:
    """Write the sources below `folder`/data."""
    data, chance = folder / "data", random.Random(5)
    talk = good_rows(data, 240)
    picture(folder / "secret.png", 905)
    found = list(faults(data))
    for fault in found:
        # Neither first, so that what is said of a file falls on no fault, nor before the row that one repeats.
        talk.insert(chance.randint(10, len(talk)), fault.row)
    planted = {("talk", talk.index(fault.row) + 1): fault for fault in found}
    write_jsonl(data / "talk.jsonl", talk)
    cells = [["question", "answer", "audio"]]
    for number in range(60):
        cells.append([f"Who says {number}?", f"Ada {number}", f"t/{number}.wav"])
        sound(data / f"t/{number}.wav", 1000 + number)
    for place, (row, code) in {17: (["Who?", "Eve"], "E208"), 40: (["Who?", "Eve", "t/lost.wav"], "E061")}.items():
        cells.insert(place, row)
        planted["table", place + 1] = Fault(b"", code)
    with (data / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows(cells)
    prompts: list[Row] = [chat(f"{n} + {n}?", None, solution=str(2 * n)) for n in range(60)]
    prompts[20] = chat("20 + 20?", None)
    planted["prompts", 21] = Fault(prompts[20], "E058")
    write_jsonl(data / "prompts.jsonl", prompts)
    sources = {
        "talk": {"format": "messages", "path": "data/talk.jsonl", "task": "talk", "shards": 3},
        "table": {"format": "csv", "path": "data/table.csv", "task": "talk"},
        "prompts": {"format": "messages", "path": "data/prompts.jsonl", "task": "sums", "use": ["grpo"]},
    }
    # The first line of a table names its columns.
    lines = {"talk": range(1, len(talk) + 1), "table": range(2, len(cells) + 1), "prompts": range(1, 61)}
    return Planted(sources, planted, lines)
