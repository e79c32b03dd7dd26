"""split.py, and the three commands in a row."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from data_commands import SCRIPTS, command
from media_files import chat, image, read_jsonl, wav, write_jsonl

from omnitune.records import Facts, LedgerRow, Medium, Message, Record, encode

SPLITS = ("train", "val", "test")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A working folder with two sources: 40 clips with two broken rows, and 40 questions about images."""
    clips = [chat("<audio>Who?", f"Ann {n}", id=f"c{n}", audios=[f"a/{n}.wav"]) for n in range(40)]
    pictures = [{"question": f"What is {n}?", "answer": str(n), "image": f"i/{n % 20}.png"} for n in range(40)]
    for number in range(40):
        wav(tmp_path / f"data/a/{number}.wav")
    for number in range(20):
        image(tmp_path / f"data/i/{number}.png")
    clips[7]["audios"] = ["a/nowhere.wav"]
    write_jsonl(tmp_path / "data/clips.jsonl", [*clips[:20], b"{broken", *clips[20:]])
    write_jsonl(tmp_path / "data/pictures.jsonl", pictures)
    return tmp_path


def prepare(place: Path, name: str, format: str, use: list[str], shards: int) -> dict:
    """Convert and validate a source; returns its entry of --sources."""
    entry = {"name": name, "use": use, "path": f"data/{name}.jsonl", "valid": [], "ledger": []}
    for shard in range(shards):
        converted, valid = f"c/{name}{shard}.jsonl", f"v/{name}{shard}.jsonl"
        ledger = f"v/{name}{shard}.ledger.jsonl"
        done = command(
            "convert",
            *(
                "--source",
                name,
                "--format",
                format,
                "--path",
                entry["path"],
                "--task",
                name,
                "--root",
                "data",
            ),
            *("--media-dir", "media", "--shard", shard, "--shards", shards, "--output", converted),
            cwd=place,
        )
        assert done.returncode == 0, done.stderr
        done = command(
            "validate",
            *(
                "--input",
                converted,
                "--path",
                entry["path"],
                "--use",
                *use,
                *("--settings", "{}", "--media-dir", "mended"),
                "--output",
                valid,
                "--ledger",
                ledger,
            ),
            cwd=place,
        )
        assert done.returncode == 0, done.stderr
        entry["valid"].append(valid)
        entry["ledger"].append(ledger)
    return entry


def split(place: Path, sources: object, *more: object):
    text = sources if isinstance(sources, str) else json.dumps(sources)
    return command(
        "split",
        *("--sources", text, "--root", "data", "--root", "media", "--val", 0.2, "--test", 0.3),
        *("--max-rejected", 0.1, "--output", "split", *more),
        cwd=place,
    )


def test_rows_travel_from_source_to_split(place: Path):
    sources = [
        prepare(place, "clips", "messages", ["sft", "eval"], shards=3),
        prepare(place, "pictures", "qa", ["sft", "eval"], shards=1),
    ]
    done = split(place, sources)
    assert (done.returncode, done.stdout) == (0, "")
    rows = {name: read_jsonl(place / f"split/{name}.jsonl") for name in SPLITS}
    assert done.stderr == ", ".join(f"{len(rows[name])} {name}" for name in SPLITS) + ", 0 grpo\n"
    assert sum(map(len, rows.values())) == 79
    homes = {path: name for name in SPLITS for row in rows[name] for path in row.get("images", [])}
    assert all(homes[path] == name for name in SPLITS for row in rows[name] for path in row.get("images", []))
    ledger = read_jsonl(place / "split/ledger.jsonl")
    assert [(row["source"], row["line"]) for row in ledger] == [
        *(("clips", line) for line in range(1, 42)),
        *(("pictures", line) for line in range(1, 41)),
    ]
    assert [row["codes"] for row in ledger if row["verdict"] == "rejected"] == [["E061"], ["E001"]]
    assert ledger[7]["message"] == (
        "data/clips.jsonl:8 (id c7): no such file: a/nowhere.wav "
        "(looked in the source's folder and data). Put the file there or correct the path."
    )
    manifest = json.loads((place / "split/manifest.json").read_text())
    assert manifest["sources"]["clips"]["read"] == 41
    assert manifest["files"]["train.jsonl"]["rows"] == len(rows["train"])


def test_the_same_data_elsewhere_are_split_the_same_way(place: Path, tmp_path_factory):
    sources = [prepare(place, "pictures", "qa", ["sft", "eval"], shards=1)]
    (place / "sources.json").write_text(json.dumps(sources))
    assert split(place, "@sources.json").returncode == 0
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (place / "data").rename(elsewhere / "data")
    prepare(elsewhere, "pictures", "qa", ["sft", "eval"], shards=1)
    assert split(elsewhere, sources).returncode == 0
    for name in SPLITS:
        first, second = (read_jsonl(folder / f"split/{name}.jsonl") for folder in (place, elsewhere))
        assert [row["id"] for row in first] == [row["id"] for row in second]


def test_copies_duplicates_and_repeated_ids_of_real_files(place: Path):
    """At the hash level: each picture has a copy, every question is asked twice, and an id is there twice."""
    for number in range(20):
        picture = image(place / f"data/i/{number}.png", (28 + number, 28))
        shutil.copy(picture, picture.with_name(f"copy{number}.png"))
    rows = [{"id": f"q{n}", "question": f"{n}?", "answer": "A", "image": f"i/{n}.png"} for n in range(20)]
    rows += [{"id": f"c{n}", "question": f"{n}?", "answer": "A", "image": f"i/copy{n}.png"} for n in range(20)]
    rows[39]["id"] = "q0"
    write_jsonl(place / "data/twice.jsonl", rows)
    digests = {}
    entry = prepare(place, "twice", "qa", ["sft", "eval"], shards=2)
    for path in map(Path, entry["valid"]):
        # As validate.media: hash notes them.
        found = read_jsonl(place / path)
        for row in found:
            digest = hashlib.sha256(Path(row["images"][0]).read_bytes()).hexdigest()
            digests[row["line"]] = row["facts"]["media"][0]["digest"] = digest
        write_jsonl(place / path, found)
    done = split(place, [entry])
    assert done.returncode == 0, done.stderr
    ledger = read_jsonl(place / "split/ledger.jsonl")
    distinct = len(set(digests.values()))
    assert [row["verdict"] for row in ledger].count("duplicate") == 39 - distinct
    assert [row["codes"] for row in ledger[39:]] == [["E211"]]
    assert ledger[39]["message"].startswith("data/twice.jsonl:40 (id q0): the id is used at line 1 already.")
    assert split(place, [entry], "--duplicates", "keep").returncode == 0
    kept = [row for name in SPLITS for row in read_jsonl(place / f"split/{name}.jsonl")]
    assert len(kept) == 39
    sides = {(digests[row["line"]], name) for name in SPLITS for row in read_jsonl(place / f"split/{name}.jsonl")}
    assert len(sides) == distinct
    manifest = json.loads((place / "split/manifest.json").read_text())
    assert manifest["leakage"]["splits"]["train-test"]["digest"] == 0
    assert (manifest["duplicates"], manifest["near_duplicates"]) == ("keep", 0)


def test_four_times_the_rows_need_no_more_memory(place: Path):
    peaks = []
    for count in (15_000, 60_000):
        with (place / "rows.jsonl").open("wb") as valid, (place / "ledger.jsonl").open("wb") as ledger:
            for line in range(1, count + 1):
                turns = [Message("user", f"<image><image>What is {line}?"), Message("assistant", str(line))]
                media = [Medium("image", digest=file) for file in (f"a{line // 3}", f"b{line}")]
                paths = [str(place / f"data/{file.digest}.png") for file in media]
                row = Record(f"s/{line}", "s", line, "t", turns, images=paths, facts=Facts(9, media=media))
                valid.write(encode(row))
                ledger.write(encode(LedgerRow("s", line, row.id, "accepted")))
        sources = [{"name": "s", "use": ["sft", "eval"], "valid": ["rows.jsonl"], "ledger": ["ledger.jsonl"]}]
        arguments = ["--sources", json.dumps(sources), "--root", "data", "--output", "split"]
        # Of the process itself: what getrusage says of a child begins with the memory of its parent.
        code = "import sys, split; split.main(sys.argv[1:]); print(open('/proc/self/status').read())"
        line = [sys.executable, "-c", code, *arguments]
        environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
        done = subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True, check=True)
        peaks.append(int(re.findall(r"VmHWM:\s+(\d+) kB", done.stdout)[0]))
    assert peaks[1] <= 1.1 * peaks[0], f"{peaks} kB"


def test_too_many_rejected_rows_are_told_with_examples(place: Path):
    done = split(place, [prepare(place, "clips", "messages", ["sft", "eval"], 1)], "--max-rejected", 0.01)
    assert done.returncode == 65
    assert done.stderr.splitlines() == [
        "error: sources.clips: 2 of 41 rows are rejected (4.9 %, allowed are 1 %):",
        "         1 x broken JSON (E001): data/clips.jsonl:21: not valid JSON at column 2. "
        "Write one JSON object a line.",
        "         1 x no such file (E061): data/clips.jsonl:8 (id c7): no such file: a/nowhere.wav "
        "(looked in the source's folder and data). Put the file there or correct the path. ",
        "       Mend the rows (the ledger lists them all), or raise validate.max_rejected.",
    ]
    assert not (place / "split").exists()


def test_an_empty_test_set(place: Path):
    sources = [prepare(place, "pictures", "qa", ["sft"], 1)]
    done = split(place, sources)
    assert (done.returncode, done.stderr) == (
        78,
        "error: split.test: the test set is empty, so there is nothing to run and score the models on. "
        "Raise split.test, or add eval to a source's use:.\n",
    )
    assert split(place, sources, "--need-test", "false").returncode == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--val", "0.8"], "split.py: error: --val and --test hold out 1.1 of the rows, more than all\n"),
        (["--policy", '{"E230": "x"}'], "not a map of codes to actions: Invalid enum value 'x' - at `$[...]`\n"),
        (["--val", "1.2"], "split.py: error: argument --val: 1.2 is no number from 0 to 1\n"),
        (["--test", "x"], "split.py: error: argument --test: x is no number from 0 to 1\n"),
        (
            ["--sources", '[{"name": 1}]'],
            "not a list of sources: Expected `str`, got `int` - at `$[0].name`\n",
        ),
    ],
)
def test_a_wrong_command_line(place: Path, more, message):
    done = split(place, "[]", *more)
    assert done.returncode == 2
    assert done.stderr.endswith(message)


def test_help_tells_the_story(place: Path):
    done = command("split", "--help", cwd=place)
    assert done.returncode == 0
    assert "Rows that share a medium" in done.stdout
