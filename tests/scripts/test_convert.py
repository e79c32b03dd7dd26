"""convert.py: argv to file, exit code and message."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from data_commands import SCRIPTS, command
from media_files import base64_of, chat, image, read_jsonl, video, wav, write_jsonl

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
            "repairs": ["E012", "E051"],
            "found": {
                "E012": "line 2 is blank, and so may be others",
                "E051": '"audios" is one path, not a list',
            },
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
        (None, 78, "no such file. Correct the path, or put the file there."),
        (b"", 65, "has no rows (E022). Write at least one row."),
        (b"\x1f\x8b\x08", 65, "is compressed with gzip (E025). Give a file of rows, uncompressed."),
        (b"PK\x03\x04", 65, "is a ZIP archive (E025). Give a file of rows, uncompressed."),
        (
            b'[{"a": 1}]',
            65,
            "is a JSON array, not one object a line (E021). "
            "Call it .json (or set format: json), or write one object a line: jq -c '.[]' FILE.",
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
        "error: data/odd: is not a regular file (E025). Give a file of rows.\n",
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


def test_templates_system_and_sound_come_from_the_command_line(place: Path):
    video(place / "data/v.mp4", sound=True)
    (place / "data/clips.csv").write_text('text,video\n"{text}",v.mp4\n')
    done = convert(
        place,
        *("--system=-brief", "--user-template={modality_tag}Q", "--assistant-template=A: {text}"),
        *("--extract-audio", "true"),
        path="data/clips.csv",
        format="csv",
    )
    assert (done.returncode, done.stdout) == (0, "")
    (record,) = read_jsonl(place / OUTPUT)
    assert [turn["content"] for turn in record["messages"]] == ["-brief", "<video><audio>Q", "A: {text}"]
    assert Path(record["audios"][0]).parent == place / "results/media"
    assert record["repairs"] == ["E210"]


def test_what_of_a_folder_is_no_row_is_told(place: Path):
    wav(place / "data/talks/a.wav")
    for name in ("a.txt", "b.txt", "c.json"):
        (place / "data/talks" / name).write_text("x")
    done = convert(place, path="data/talks", format="folder")
    assert (done.returncode, done.stderr) == (
        0,
        "data/talks: 1 records, 0 unread rows\ndata/talks: no row was made of 1 .txt without a medium, 1 .json\n",
    )


def test_what_cannot_be_parted_is_refused(place: Path):
    (place / "data/clips.csv").write_text("text\nx\n")
    done = convert(place, "--shards", 2, path="data/clips.csv", format="csv")
    assert done.returncode == 2
    assert done.stderr.endswith("error: argument --shards: only JSONL and Parquet files are parted\n")


def test_media_in_a_parquet_file_are_written_out(place: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = (place / "data/a.wav").read_bytes()
    rows = [
        {"text": "x", "audio": {"bytes": content, "path": None}, "image": None},
        {"text": "y", "audio": {"bytes": None, "path": "a.wav"}, "image": image(place / "i.png").read_bytes()},
        {"text": "z", "audio": {"bytes": None, "path": None}, "image": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows), place / "data/clips.parquet")
    assert convert(place, path="data/clips.parquet", format="parquet").returncode == 0
    inside, named, unread = read_jsonl(place / OUTPUT)
    assert Path(inside["audios"][0]).read_bytes() == content
    assert Path(inside["audios"][0]).suffix == ".wav"
    assert named["audios"] == [f"{place}/data/a.wav"]
    assert Path(named["images"][0]).parent == place / "results/media"
    assert (unread["line"], unread["error"]) == (3, "E051")


def test_a_file_that_finds_no_room_is_named_with_a_remedy(place: Path):
    write_jsonl(place / "data/clips.jsonl", [chat("Why?" * 1000)] * 100)
    line = [
        sys.executable,
        str(SCRIPTS / "convert.py"),
        "--source",
        "clips",
        "--format",
        "messages",
        "--task",
        "asr",
    ]
    line += ["--path", "data/clips.jsonl", "--root", "data", "--media-dir", "m", "--output", str(OUTPUT)]
    script = f"ulimit -f 64; {shlex.join(line)}"
    done = subprocess.run(["bash", "-c", script], cwd=place, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (74, "")
    assert done.stderr == (
        f"error: {OUTPUT}: File too large. Raise the limit on the size of files (ulimit -f), then run again.\n"
    )
    assert list((place / OUTPUT).parent.iterdir()) == []
