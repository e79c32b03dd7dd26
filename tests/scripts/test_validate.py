"""validate.py: argv to files, exit code and message."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from data_commands import SCRIPTS, command
from media_files import image, read_jsonl, video, wav

from omnitune.records import Message, Record, Unread, encode


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A working folder with converted rows: good, unread, too many markers, a used id."""
    audio, clip = wav(tmp_path / "a.wav"), video(tmp_path / "v.mp4")
    turns = [Message("user", "<audio><video>Who?"), Message("assistant", "Ann.")]
    media = {"audios": [str(audio)], "videos": [str(clip)]}
    odd = [Message("user", "<audio><audio><video>Who?"), Message("assistant", "Ann.")]
    rows = [
        Record("s/a", "s", 1, "asr", turns, **media),
        Unread("s", 2, "E001", "not valid JSON at column 2. Write one JSON object a line."),
        Record("s/a17", "s", 4, "asr", odd, **media),
        Record("s/a", "s", 5, "asr", turns, **media),
    ]
    (tmp_path / "c.jsonl").write_bytes(b"".join(map(encode, rows)))
    return tmp_path


def validate(place: Path, *more: str):
    return command(
        "validate",
        *("--input", "c.jsonl", "--path", "data/train.jsonl", "--use", "sft", "eval"),
        *("--settings", "{}", "--media-dir", "v/media"),
        *("--output", "v/0.jsonl", "--ledger", "v/0.ledger.jsonl", *more),
        cwd=place,
    )


def test_every_row_gets_a_verdict(place: Path):
    done = validate(place, "--media", '{"audio_in_video": false}')
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "data/train.jsonl: 2 accepted, 0 repaired, 2 rejected, 0 duplicate\n"
    # An id that is used twice is found by the split, which sees all files.
    assert [row["id"] for row in read_jsonl(place / "v/0.jsonl")] == ["s/a", "s/a"]
    ledger = read_jsonl(place / "v/0.ledger.jsonl")
    assert [(row["line"], row["id"], row["verdict"], row["codes"]) for row in ledger] == [
        (1, "s/a", "accepted", []),
        (2, "s/00000002", "rejected", ["E001"]),
        (4, "s/a17", "rejected", ["E041"]),
        (5, "s/a", "accepted", []),
    ]
    assert [row["message"] for row in ledger] == [
        "",
        "data/train.jsonl:2: not valid JSON at column 2. Write one JSON object a line.",
        'data/train.jsonl:4 (id a17): 2 <audio> markers but 1 entry in "audios". '
        "Add the missing path or remove the marker.",
        "",
    ]


def test_videos_must_have_the_sound_that_is_used(place: Path):
    assert validate(place, "--media", '{"audio_in_video": true}').returncode == 0
    first = read_jsonl(place / "v/0.ledger.jsonl")[0]
    assert (first["verdict"], first["codes"]) == ("rejected", ["E140"])
    assert read_jsonl(place / "v/0.jsonl") == []


def test_what_is_found_out_about_media_is_kept(place: Path):
    settings = ("--settings", '{"media": "decode"}', "--processes", "2", "--cache", "v/cache/s/0.jsonl")
    for path in (place / "a.wav", place / "v.mp4"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    assert validate(place, *settings).returncode == 0
    rows, known = (place / "v/0.jsonl").read_bytes(), (place / "v/cache/s/0.jsonl").read_bytes()
    first, _ = read_jsonl(place / "v/0.jsonl")
    assert all(len(medium["digest"]) == len(medium["content"]) == 32 for medium in first["facts"]["media"])
    assert known
    assert validate(place, *settings).returncode == 0
    assert (place / "v/0.jsonl").read_bytes() == rows
    assert (place / "v/cache/s/0.jsonl").read_bytes() == known


def test_an_input_that_is_missing_is_named(place: Path):
    (place / "c.jsonl").unlink()
    done = validate(place)
    assert (done.returncode, done.stderr) == (74, "error: c.jsonl: No such file or directory.\n")
    assert list((place / "v").iterdir()) == []


def test_an_unknown_use_is_a_wrong_command_line(place: Path):
    done = validate(place, "--use", "test")
    assert done.returncode == 2
    assert "argument --use: invalid choice: 'test'" in done.stderr


def test_help_tells_the_story(place: Path):
    done = command("validate", "--help", cwd=place)
    assert done.returncode == 0
    assert "every row gets a verdict" in done.stdout


def test_the_pipelines_form_has_a_help_of_its_own(place: Path):
    done = command("validate", "--input", "--help", cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--ledger FILE" in done.stdout


@pytest.mark.parametrize(("script", "more"), [("convert", {"pydantic"}), ("validate", {"omnitune.converters"})])
def test_a_command_loads_only_what_it_needs(script: str, more: set[str]):
    """Every shard of every source is a start."""
    unwanted = {"yaml", "omnitune.config.load", "omnitune.config.sft", "omnitune.swift_args", "av", "PIL", *more}
    code = f"import {script}, sys; print(sorted({unwanted!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_versions_are_read_without_loading_a_decoder(place: Path):
    """The rule files import them at every start of Snakemake."""
    code = (
        "import sys; from omnitune import converters, validation; from omnitune.validation import split; "
        "assert all(isinstance(m.VERSION, int) for m in (converters, validation, split)); "
        "print(sorted({'av', 'PIL', 'soundfile', 'numpy', 'torch', 'snakemake'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_medium_that_a_row_holds_is_told_by_its_place_in_the_row(place: Path):
    inside, beside = image(place / "c" / "media" / "0a.png", (28, 7000)), image(place / "beside.png", (28, 7000))
    row = Record("s/a", "s", 1, "t", [Message("user", "<image><image>?"), Message("assistant", "So.")])
    rows = [msgspec.structs.replace(row, images=[str(beside), str(inside)], id=f"s/{name}") for name in "ab"]
    rows[1].images = [str(inside), str(beside)]
    (place / "c.jsonl").write_bytes(b"".join(map(encode, rows)))
    validate(place, "--carried", "c/media")
    first, other = (row["message"] for row in read_jsonl(place / "v/0.ledger.jsonl"))
    assert (str(beside) in first, "image 2 of the row" in first) == (True, True)
    assert (str(beside) in other, "image 1 of the row" in other) == (True, True)
    assert str(inside) not in first + other
