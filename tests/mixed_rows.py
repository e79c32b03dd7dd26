"""Rows of every kind with media of many sizes and rates, made by code: what counts of tokens are held against."""

import math
import random
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from media_files import image

WORDS = [
    "what", "do", "you", "hear", "left", "right", "café", "naïve", "Ünïcode", "你好", "世界", "🙂", "12345",
    "3.14", "don't", "I'll", "", "double\tspace", "tab\nline", "\n\n", "two", "<think>", "</think>", "x{y}",
    "<tool_call>", "<b>", "e\u0301", "\u200b", "zero",
]  # fmt: skip
RATES = (8000, 11025, 16000, 16001, 22050, 24000, 32000, 44100, 48000, 96000)
SOUNDS = (
    ("wav", {}), ("flac", {}), ("ogg", {}), ("mp3", {}), ("aiff", {}), ("wav", {"subtype": "FLOAT"}),
)  # fmt: skip
SIZES = (
    (1, 1), (28, 28), (31, 33), (64, 48), (333, 77), (640, 360), (1024, 768), (1500, 20), (4000, 30), (16, 1999),
)  # fmt: skip
MODES = ("RGB", "L", "RGBA", "P", "CMYK", "1")
CLIPS = (
    # frames, size, frame rate, extension
    (2, (64, 48), Fraction(8), "mp4"), (3, (66, 50), Fraction(25), "mp4"),
    (7, (320, 180), Fraction(30000, 1001), "mp4"), (40, (180, 320), Fraction(10), "mov"),
    (61, (64, 64), Fraction(12), "avi"), (90, (640, 360), Fraction(30), "mp4"),
    (130, (68, 34), Fraction(24000, 1001), "mp4"), (200, (128, 96), Fraction(25), "mp4"),
    (5, (720, 40), Fraction(1), "mp4"),
)  # fmt: skip


def rows(
    folder: Path, number: int, seed: int = 17, *, sound: bool = False, guessed: bool = False, files: int = 60
) -> Iterator[dict[str, Any]]:
    """`number` rows as lines of train.jsonl, with their media in `folder`.

    With `sound` each clip has a track; `files` images and sounds are made, of which the rows take some. Only with
    `guessed` there are formats of which a probe may not know the length.
    """
    chance = random.Random(seed)
    images = [_image(folder, chance, place) for place in range(min(number, files))]
    formats = SOUNDS if guessed else [entry for entry in SOUNDS if entry[0] != "mp3"]
    audios = [_sound(folder, chance, place, formats) for place in range(min(number, files))]
    clips = [_clip(folder, chance, place, sound) for place in range(len(CLIPS) * 2)]
    for place in range(number):
        media = {
            "images": chance.choices(images, k=chance.choice((0, 0, 0, 1, 1, 2, 3))),
            "audios": chance.choices(audios, k=chance.choice((0, 0, 0, 1, 1, 2))),
            "videos": chance.choices(clips, k=chance.choice((0, 0, 0, 0, 1, 2))),
        }
        row = {"id": f"mixed/{place}", "source": "mixed", "line": place + 1, "task": "any"}
        yield row | {"messages": _turns(chance, media)} | {key: paths for key, paths in media.items() if paths}


def _text(chance: random.Random, most: int = 30) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(1, most)))


def _turns(chance: random.Random, media: dict[str, list[str]]) -> list[dict[str, str]]:
    markers = [f"<{key[:-1]}>" for key, paths in media.items() for _ in paths]
    chance.shuffle(markers)
    turns = [{"role": "system", "content": _text(chance)}] if chance.random() < 0.3 else []
    rounds = chance.choice((1, 1, 2, 3, 5))
    for left in reversed(range(rounds)):
        share = chance.randint(0, len(markers)) if left else len(markers)
        here, markers = markers[:share], markers[share:]
        pieces = [*here, _text(chance)]
        chance.shuffle(pieces)
        turns += [
            {"role": "user", "content": chance.choice(("", " ", "\n")).join(pieces)},
            {"role": "assistant", "content": _text(chance) + chance.choice(("", "", "\n", " ", "\n\n"))},
        ]
        if left and chance.random() < 0.2:
            turns += [{"role": "tool", "content": _text(chance)} for _ in range(chance.randint(1, 2))]
            turns.append({"role": "assistant", "content": _text(chance)})
    return turns


def _image(folder: Path, chance: random.Random, place: int) -> str:
    size = SIZES[place] if place < len(SIZES) else (chance.randint(8, 1200), chance.randint(9, 900))
    mode = chance.choice(MODES)
    extension = chance.choice({"CMYK": ("jpg",), "RGB": ("jpg", "png", "webp", "bmp")}.get(mode, ("png",)))
    options = {}
    if extension == "jpg" and mode == "RGB":
        from PIL import Image

        exif = Image.Exif()
        exif[0x0112] = chance.choice((1, 6, 8))
        options = {"exif": exif}
    return str(image(folder / f"{place}.{extension}", size, mode, **options))


def _sound(folder: Path, chance: random.Random, place: int, formats: Sequence[tuple[str, dict[str, str]]]) -> str:
    import soundfile

    extension, options = formats[place % len(formats)]
    rates = [rate for rate in RATES if extension != "mp3" or rate not in (16001, 96000)]
    rate, channels = rates[place % len(rates)], chance.choice((1, 2))
    samples = chance.choice(
        (chance.randint(rate // 30, rate), chance.randint(rate, 7 * rate), 160 * 100 * rate // 16000)
    )
    path = folder / f"{place}.{extension}"
    noise = np.random.default_rng(place).uniform(-0.2, 0.2, (samples, channels))
    soundfile.write(path, noise, rate, **options)
    return str(path)


def _clip(folder: Path, chance: random.Random, place: int, sound: bool) -> str:
    frames, size, rate, extension = CLIPS[place % len(CLIPS)]
    if sound and extension == "avi":
        extension = "mp4"
    path = folder / f"clip{place}.{extension}"
    clip(path, frames + place // len(CLIPS), size, rate, chance.choice((16000, 44100, 48000)) if sound else 0)
    return str(path)


def clip(
    path: Path, frames: int, size: tuple[int, int], rate: Fraction, sound_rate: int = 0, pace: Any = None
) -> Path:
    """A clip; with a sound rate it has an AAC track as long, and `pace` gives each frame's tick of 1/90000 s."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4" if path.suffix == ".avi" else "libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if pace:
            stream.codec_context.time_base = Fraction(1, 90000)
        track = container.add_stream("aac", rate=sound_rate, layout="stereo") if sound_rate else None
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(
                np.full((size[1], size[0], 3), number % 255, np.uint8), format="rgb24"
            )
            if pace:
                picture.pts, picture.time_base = pace[number], Fraction(1, 90000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
        if track:
            samples = max(round(frames / rate * sound_rate), 2048)
            noise = np.random.default_rng(frames).uniform(-0.2, 0.2, (2, samples)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="stereo")
            frame.sample_rate = sound_rate
            fitted = av.AudioResampler("fltp", "stereo", sound_rate, frame_size=track.codec_context.frame_size)
            for part in (*fitted.resample(frame), *fitted.resample(None)):
                container.mux(track.encode(part))
            container.mux(track.encode())
    return path


def aac_facts(path: Path) -> tuple[int, int, int]:
    """Packets of an MP4's first sound track, samples that its edit list leaves out, samples that it shows."""
    import av

    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        packets, shown = track.frames, math.ceil(track.duration * track.time_base * track.rate)
    # The sound comes after the pictures, and each has an edit list of one entry.
    content = path.read_bytes()
    (skipped,) = struct.unpack_from(">i", content, content.rindex(b"elst") + 16)
    return packets, skipped, shown
