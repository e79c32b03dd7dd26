"""convert.py: argv to file, exit code and message."""

import os
from pathlib import Path

import pytest
from data_commands import command
from media_files import base64_of, chat, read_jsonl, wav, write_jsonl

OUTPUT = Path("results/convert/clips/0.jsonl")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with data/a.wav and data/clips.jsonl: a good row, a blank line, a broken row, a lone path."""
    wav(tmp_path / "data/a.wav")
    rows = [chat("<audio>Who?", id="a1", audios=["a.wav"]), b"", b"{broken", chat("<audio>", audios="a.wav")]
    write_jsonl(tmp_path / "data/clips.jsonl", rows)
    return tmp_path


def convert(place: Path, *more: object, path: str = "data/clips.jsonl", format: str = "messages"):
    return command(
        "convert",
        *("--source", "clips", "--format", format, "--path", path, "--task", "asr", "--root", "data"),
        *("--media-dir", "results/media", "--output", OUTPUT, *more),
        cwd=place,
    )


def test_every_row_gets_a_line(place: Path):
    done = convert(place)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "data/clips.jsonl: 2 records, 1 unread rows\n"
    assert read_jsonl(place / OUTPUT) == [
        {
            "id": "clips/a1",
            "source": "clips",
            "line": 1,
            "task": "asr",
            "messages": [{"role": "user", "content": "<audio>Who?"}, {"role": "assistant", "content": "So."}],
            "audios": [f"{place}/data/a.wav"],
        },
        {
            "source": "clips",
            "line": 3,
            "error": "E001",
            "message": "not valid JSON at column 2. Write one JSON object a line.",
            "id": "",
        },
        {
            "id": "clips/00000004",
            "source": "clips",
            "line": 4,
            "task": "asr",
            "messages": [{"role": "user", "content": "<audio>"}, {"role": "assistant", "content": "So."}],
            "audios": [f"{place}/data/a.wav"],
            "repairs": ["E051"],
        },
    ]


def test_shards_and_a_limit_part_the_rows(place: Path):
    lines = []
    for shard in (0, 1):
        assert convert(place, "--shard", shard, "--shards", 2, "--max-rows", 2).returncode == 0
        lines += [row["line"] for row in read_jsonl(place / OUTPUT)]
    assert lines == [1, 3]


def test_a_file_of_unread_rows_is_written_all_the_same(place: Path):
    write_jsonl(place / "data/clips.jsonl", [b"{", b"["])
    done = convert(place)
    assert (done.returncode, done.stderr) == (0, "data/clips.jsonl: 0 records, 2 unread rows\n")
    assert [row["error"] for row in read_jsonl(place / OUTPUT)] == ["E001", "E001"]


def test_columns_and_embedded_media(place: Path):
    payload = base64_of(place / "data/a.wav")
    row = {"prompt": "Who?", "sound": f"data:audio/wav;base64,{payload}"}
    write_jsonl(place / "data/clips.jsonl", [row])
    done = convert(place, "--columns", '{"prompt": "question", "sound": "audio"}', format="qa")
    assert done.returncode == 0
    (record,) = read_jsonl(place / OUTPUT)
    assert record["messages"] == [{"role": "user", "content": "<audio>Who?"}]
    assert Path(record["audios"][0]).parent == place / "results/media"
    assert Path(record["audios"][0]).read_bytes() == (place / "data/a.wav").read_bytes()


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (None, 78, "no such file. Correct the source's path: or put the file there."),
        (b"", 65, "has no rows. Write at least one row."),
        (b"\x1f\x8b\x08", 65, "is compressed with gzip. Give the file uncompressed."),
        (b"PK\x03\x04", 65, "is a ZIP archive. Give the file uncompressed."),
        (
            "{}\n".encode("utf-16"),
            65,
            "is UTF-16 text, not UTF-8. Re-encode the file as UTF-8: iconv -f UTF-16 -t UTF-8.",
        ),
        (
            b'[{"a": 1}]',
            65,
            "is a JSON array, not one object a line. "
            "Set format: json, or write one JSON object a line: jq -c '.[]' FILE.",
        ),
    ],
)
def test_a_file_that_is_no_source_stops_the_command(place: Path, content, code, message):
    (place / "data/clips.jsonl").unlink()
    if content is not None:
        (place / "data/clips.jsonl").write_bytes(content)
    done = convert(place)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == f"error: data/clips.jsonl: {message}\n"
    assert not list(place.rglob("*.tmp"))
    assert not (place / OUTPUT).exists()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "FIFO"])
@pytest.mark.parametrize("format", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_a_source_that_is_no_regular_file(place: Path, make, format: str):
    make(place / "data/odd")
    done = convert(place, path="data/odd", format=format)
    assert (done.returncode, done.stderr) == (
        78,
        "error: data/odd: is not a regular file. Give a file of rows.\n",
    )


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--shard", "2", "--shards", "2"], 2, "convert.py: error: argument --shard: 2 is not in 0 to 1\n"),
        (["--columns", "[]"], 2, "convert.py: error: argument --columns: not a JSON object: []\n"),
        (["--columns", "{"], 2, "convert.py: error: argument --columns: not a JSON object: {\n"),
        (
            ["--columns", '{"said": "mesages"}'],
            78,
            'error: sources.clips.columns: maps "said" to "mesages", no field of the format messages. '
            "Did you mean messages?\n",
        ),
    ],
)
def test_a_wrong_command_line(place: Path, more, code, message):
    done = convert(place, *more)
    assert done.returncode == code
    assert done.stderr.endswith(message)


def test_help_tells_the_story(place: Path):
    done = command("convert", "--help", cwd=place)
    assert done.returncode == 0
    assert "exactly one line for every row" in done.stdout
