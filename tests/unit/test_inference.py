"""ms-swift's results joined to the rows, published once and shown again."""

import json
import sys
from pathlib import Path

import pytest

from omnitune import inference
from omnitune.errors import PipelineError
from omnitune.records import Message, Record, encode

FAKES = Path(__file__).parents[1] / "fakes"


def row(number: int, **fields) -> Record:
    turns = [Message("user", "<image>Which?"), Message("assistant", f"answer {number}")]
    return Record(f"s/{number}", "s", number, "digits", turns, **{"images": [__file__]} | fields)


def raw(path: Path, *results: object) -> Path:
    path.write_text("".join(json.dumps(result) + "\n" for result in results))
    return path


def test_each_answer_gets_the_id_of_its_row(tmp_path: Path):
    alone = [Message("user", "Which?")]
    rows = [row(1), Record("s/2", "s", 2, "sums", alone, solution="4"), Record("s/3", "s", 3, "sums", alone)]
    file = raw(
        tmp_path / "raw",
        {"response": "one", "labels": "answer 1"},
        {"response": "two", "labels": None},
        {"response": "three"},
    )
    assert inference.join(rows, file) == [
        {
            "id": "s/1",
            "source": "s",
            "task": "digits",
            "modality": "image",
            "prediction": "one",
            "reference": "answer 1",
        },
        {"id": "s/2", "source": "s", "task": "sums", "modality": "text", "prediction": "two", "reference": "4"},
        {"id": "s/3", "source": "s", "task": "sums", "modality": "text", "prediction": "three", "reference": None},
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "0 answers for 2 rows"),
        ('{"response": "a", "labels": "answer 1"}\n', "1 answers for 2 rows"),
        (
            '{"response": "a", "labels": "answer 2"}\n{"response": "b", "labels": "answer 1"}\n',
            "the answer in the place of s/1 belongs to another row",
        ),
        (
            '{"response": "a", "labels": "answer 1"}\n{"response": "b"}\n',
            "the answer in the place of s/2 belongs to another row",
        ),
        ('{"response": "a", "labels": "answer 1"}\n{"respon', "a line of the answers is torn"),
    ],
)
def test_answers_that_do_not_fit_the_rows_are_refused(tmp_path: Path, text: str, what: str):
    (tmp_path / "raw").write_text(text)
    with pytest.raises(PipelineError) as refused:
        inference.join([row(1), row(2)], tmp_path / "raw")
    assert str(refused.value) == (
        f"{tmp_path}/raw: {what}. Nothing was published: look at the log, then run again."
    )
    assert refused.value.code == 80


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with rows, a manifest and an interpreter for which swift.cli.infer is the fake."""
    monkeypatch.chdir(tmp_path)
    Path("test.jsonl").write_bytes(b"".join(encode(row(number)) for number in range(3)))
    Path("model.json").write_text("{}")
    Path("python").write_text(
        f'#!/bin/sh\necho run >> runs\nexport PYTHONPATH="{FAKES}"\nexec "{sys.executable}" "$@"\n'
    )
    Path("python").chmod(0o755)
    return tmp_path


def infer(model: str = "merge/model") -> list[str]:
    arguments = {"model": model, "val_dataset": ["test.jsonl"], "result_path": "raw/merge.jsonl", "ENV": {}}
    inference.infer(
        arguments, [Path("model.json")], Path("test.jsonl"), Path("infer/merge.jsonl"),
        python=str(Path("python").absolute()), log=Path("infer.swift.log"), devices=0,
    )  # fmt: skip
    return [json.loads(line)["prediction"] for line in Path("infer/merge.jsonl").read_bytes().splitlines()]


def runs() -> int:
    return Path("runs").read_text().count("run")


def test_answers_are_published_and_shown_again_without_a_run(place: Path):
    Path("raw").mkdir()
    Path("raw/merge.jsonl").write_text('{"response": "of an earlier attempt"}\n')
    assert infer() == ["answer 0", "answer 1", "answer 2"]
    Path("infer/merge.jsonl").unlink()  # as Snakemake does before it runs a rule again
    assert infer() == ["answer 0", "answer 1", "answer 2"]
    assert runs() == 1


def test_another_model_is_asked_again(place: Path):
    infer()
    assert infer(model="base") == ["?", "?", "?"]
    Path("model.json").write_text('{"a": 1}')
    infer(model="base")
    assert runs() == 3


@pytest.mark.parametrize("fault", ["short", "shuffle"])
def test_answers_that_do_not_fit_leave_the_old_ones_in_sight(place: Path, monkeypatch, fault: str):
    infer()
    monkeypatch.setenv("OMNITUNE_FAKE", fault)
    with pytest.raises(PipelineError, match=r"answers for 3 rows|belongs to another row"):
        infer(model="other/merge")
    assert len(Path("infer/merge.jsonl").read_bytes().splitlines()) == 3
    assert json.loads(Path("infer/.merge/manifest.json").read_bytes())["rows"] == 3
