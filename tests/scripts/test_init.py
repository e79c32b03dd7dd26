"""init.py: what it prints, what it writes, what it refuses."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from data_commands import command
from media_files import wav, write_jsonl
from project import Project

from omnitune.config.load import load
from omnitune.environments import ROOT

SUPPORTED = "Supported are files of rows (JSONL, JSON, CSV, TSV, Parquet) and folders of media with their texts."
LETTERS = "It has at most 64 lower-case letters, digits, _ and -."
NO_QUESTION = "Give each row a question, or a text and media; or rename the column that holds it."


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the untouched config and data/clips.jsonl: 300 transcripts, one of a file that is missing."""
    (tmp_path / "config").mkdir()
    shutil.copy(ROOT / "config/config.yaml", tmp_path / "config")
    wav(tmp_path / "data/wav/a.wav")
    rows = [
        {"prompt": "Transcribe the audio.", "sound": f"wav/{name}.wav", "response": "the quick brown fox jumps"}
        for name in ["a"] * 20 + ["b"] + ["a"] * 279
    ]
    write_jsonl(tmp_path / "data/clips.jsonl", rows)
    return tmp_path


def init(place: Path, data: str = "data/clips.jsonl", run: str = "asr", *more: str):
    return command("init", f"--run={run}", f"--data={data}", *more, cwd=place)


def test_a_source_is_guessed_tried_and_written(place: Path):
    done = init(place)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == """\
data/clips.jsonl: about 300 rows, looked at the first 200
  format   qa: "prompt" reads as the question, "response" as the answer
  columns  prompt -> question, response -> answer, sound -> audio
  media    199 of 200 files found, root data
  task     asr (wer, cer): audio, and the questions ask for what is said
  use      sft, eval: 199 of 200 have an answer
  fit      199 of 200 rows pass the converter and the checks
    1 x E061: data/clips.jsonl:21: no such file: wav/b.wav \
(looked in the source's folder and data). Put the file there or correct the path.

Wrote config/asr.yaml. Read it, then see what would run, and run it:
  snakemake -n --configfile config/asr.yaml
  snakemake --cores all --resources gpu=4 --configfile config/asr.yaml
"""
    )
    text = (place / "config/asr.yaml").read_text()
    assert yaml.safe_load(text) == {
        "run": "asr",
        "media": {"roots": ["data"]},
        "sources": {
            "clips": {
                "format": "qa",
                "path": "data/clips.jsonl",
                "columns": {"prompt": "question", "response": "answer", "sound": "audio"},
                "use": ["sft", "eval"],
                "task": "asr",
            }
        },
        "split": {"val": 0.1, "test": 0.2},
        "score": {"tasks": {"asr": ["wer", "cer"]}},
    }
    assert text.count("#") > 8


def test_the_written_config_loads_and_a_second_init_leaves_it_alone(place: Path, monkeypatch: pytest.MonkeyPatch):
    assert init(place, "data/clips.jsonl", "asr", "--model", "Qwen/Other").returncode == 0
    path = place / "config/asr.yaml"
    monkeypatch.chdir(place)
    config, _ = load(yaml.safe_load(path.read_text()), [path])
    assert (config.run, config.model.path, list(config.sources)) == ("asr", "Qwen/Other", ["clips"])
    before = path.read_bytes()
    done = init(place)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == (
        "error: config/asr.yaml: is there already, and is never written over. "
        "Choose another RUN, or move the file away.\n"
    )
    assert path.read_bytes() == before


def test_the_written_config_plans_jobs(copy_project: Callable[[Path], Project], place: Path):
    project = copy_project(place / "clone")
    shutil.copytree(place / "data", project.path("data"))
    argv = [sys.executable, "workflow/scripts/init.py", "--run=asr", "--data=data"]
    done = subprocess.run(argv, cwd=project.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    plan = project.plan("--configfile", "config/asr.yaml")
    assert {plan[rule] for rule in ("convert_source", "train_sft", "merge_model", "write_report")} == {1}


def test_rows_of_grpo_plan_grpo(copy_project: Callable[[Path], Project], tmp_path: Path):
    project = copy_project(tmp_path / "clone")
    shutil.copy(ROOT / "config/examples/rows/grpo.jsonl", project.path("rows.jsonl"))
    argv = [sys.executable, "workflow/scripts/init.py", "--run=math", "--data=rows.jsonl"]
    done = subprocess.run(argv, cwd=project.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "  use      grpo, eval: 6 of 6 have an answer; no assistant's turn to imitate\n" in done.stdout
    plan = project.plan("--configfile", "config/math.yaml")
    assert "train_sft" not in plan
    assert {plan[rule] for rule in ("train_grpo", "merge_model", "score_predictions")} == {1}


def test_a_folder_leaves_out_what_cannot_be_used(place: Path):
    (place / "data/broken.jsonl").write_text("hello\n")
    (place / "data/notes.txt").write_text("hello\n")
    done = init(place, "data")
    assert done.returncode == 0
    assert (
        "left out: data/broken.jsonl: its one row cannot be read (line 1: not valid JSON at column 1. "
        f"Write one JSON object a line). {SUPPORTED}\n"
    ) in done.stdout
    assert list(yaml.safe_load((place / "config/asr.yaml").read_text())["sources"]) == ["clips"]


def write(content: bytes | None, name: str) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        path = place / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content or b"")

    return make


@pytest.mark.parametrize(
    ("make", "data", "code", "message"),
    [
        (None, "nowhere", 78, "nowhere: no such file or folder. Correct DATA=."),
        (None, "", 2, "DATA is missing. Run: make init RUN=name DATA=path/to/rows.jsonl"),
        (write(b"", "e.jsonl"), "e.jsonl", 65, "e.jsonl: has no rows (E022). Write at least one row."),
        (write(b"\n \n", "e.jsonl"), "e.jsonl", 65, "e.jsonl: has no rows (E022). Write at least one row."),
        (write(b'{"a": 1}\n\x00\x01', "b.jsonl"), "b.jsonl", 65, f"b.jsonl: is a binary file. {SUPPORTED}"),
        (write(b"\x1f\x8b", "z.jsonl"), "z.jsonl", 65,
         "z.jsonl: is compressed with gzip (E025). Give a file of rows, uncompressed."),
        (write(b"a,b\n", "t.csv"), "t.csv", 65,
         "t.csv: has a line of column names but no rows (E022). Write at least one row."),
        (write(b"PAR1", "t.parquet"), "t.parquet", 65,
         "t.parquet: is no whole Parquet file (Parquet file size is 4 bytes, smaller than the minimum file footer "
         "(8 bytes)). Copy it again, or write it anew."),
        (write(b'[{"a": 1}]', "t.json"), "t.json", 65,
         't.json: the rows have no column of turns or questions (columns: "a"). ' + NO_QUESTION),
        (write(b"RIFF", "m/a.wav"), "m", 65, f"m: holds no file of rows (1 .wav). {SUPPORTED}"),
        (lambda place: (place / "m").mkdir(), "m", 65, f"m: is an empty folder. {SUPPORTED}"),
        (lambda place: os.mkfifo(place / "f"), "f", 78, "f: is not a regular file (E025). Give a file of rows."),
        (write(b"a\nb\n", "t.jsonl"), "t.jsonl", 65,
         "t.jsonl: none of the first 2 rows can be read (line 1: not valid JSON at column 1. "
         f"Write one JSON object a line). {SUPPORTED}"),
        (write(b'{"speaker": 1, "audio": "a.wav"}\n', "u.jsonl"), "u.jsonl", 65,
         'u.jsonl: the rows have media but no column of turns, questions or texts (columns: "speaker", "audio"). '
         + NO_QUESTION),
        (write(b'{"prompt": "hi"}\n', "p.jsonl"), "p.jsonl", 65,
         "p.jsonl: no row has an answer, to train on or to compare with. "
         "End the turns with the assistant's (SFT), or add a column solution (GRPO); prompts alone need a file of "
         "test rows with answers beside theirs."),
    ],
)  # fmt: skip
def test_data_that_gives_no_config(place: Path, make, data: str, code: int, message: str):
    if make:
        make(place)
    done = init(place, data)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"error: {message}\n")
    assert [path.name for path in (place / "config").iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("run", "more", "message"),
    [
        ("", (), "RUN is missing. Run: make init RUN=name DATA=path/to/rows.jsonl"),
        ("My Run", (), f"RUN: 'My Run' is no name of a run. {LETTERS}"),
        ("../x", (), f"RUN: '../x' is no name of a run. {LETTERS}"),
        ("a\n", (), f"RUN: 'a\\n' is no name of a run. {LETTERS}"),
        ("x", ("--model", "./none"),
         "MODEL: there is no folder ./none. Name a folder, or a hub id such as Qwen/NAME."),
    ],
)  # fmt: skip
def test_a_wrong_run_or_model(place: Path, run: str, more: tuple[str, ...], message: str):
    done = init(place, "data/clips.jsonl", run, *more)
    code = 78 if more else 2
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"error: {message}\n")


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.json", "rows.parquet", "talks"])
def test_every_format_gives_a_config_that_loads(place: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    wav(place / "data/talks/a.wav")
    (place / "data/talks/a.txt").write_text("the quick brown fox jumps\n")
    row = {"transcript": "the quick brown fox jumps", "sound": "wav/a.wav"}
    if name == "rows.parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist([row] * 3), place / "data" / name)
    elif name == "rows.json":
        (place / "data" / name).write_text(json.dumps([row] * 3))
    elif name != "talks":
        between = "," if name == "rows.csv" else "\t"
        lines = [between.join(row), *[between.join(row.values())] * 3]
        (place / "data" / name).write_text("\n".join(lines))
    done = init(place, f"data/{name}")
    assert (done.returncode, done.stderr) == (0, "")
    monkeypatch.chdir(place)
    config, _ = load(yaml.safe_load((place / "config/asr.yaml").read_text()))
    (source,) = config.sources.values()
    assert (source.format, source.task) == ("folder" if name == "talks" else "unified", "asr")
    assert source.columns == ({} if name == "talks" else {"transcript": "text", "sound": "audio"})
