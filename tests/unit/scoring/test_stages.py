"""Grouping, pairing and the content of metrics.json."""

import json

import pytest

from omnitune import scoring
from omnitune.errors import ExitCode, PipelineError
from omnitune.scoring.score import score

TASKS = {"asr": ["wer", "cer"], "default": ["exact_match"]}


def row(key, prediction, reference, task="digits", modality="image"):
    return {
        "id": key,
        "source": "s",
        "task": task,
        "modality": modality,
        "prediction": prediction,
        "reference": reference,
    }


def write(path, *rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


@pytest.fixture
def files(tmp_path):
    base = [
        row("s/1", "1", "1"),
        row("s/2", "x", "2"),
        row("s/3", "x", "3"),
        row("s/4", "a b", "a c", "asr", "audio"),
        row("s/5", "q", "z", "asr", "audio+video"),
        row("s/6", "any", None),
    ]
    tuned = [
        row("s/6", "other", None),
        row("s/5", "z", "z", "asr", "audio+video"),
        row("s/4", "a b", "a c", "asr", "audio"),
        row("s/3", "3", "3"),
        row("s/2", "2", "2"),
        row("s/1", "9", "1"),
    ]
    return {"base": write(tmp_path / "base.jsonl", *base), "merge": write(tmp_path / "merge.jsonl", *tuned)}


def test_values_by_task_and_modality(files):
    metrics = score(files, TASKS)
    assert metrics["version"] == scoring.VERSION
    base = metrics["stages"]["base"]
    assert (base["digits"]["exact_match"], base["digits"]["n"]) == (0.333333, 3)
    assert "modalities" not in base["digits"]
    assert (base["asr"]["wer"], base["asr"]["cer"], base["asr"]["n"]) == (0.666667, 0.5, 2)
    parts = base["asr"]["modalities"]
    assert {name: (part["wer"], part["n"]) for name, part in parts.items()} == {
        "audio": (0.5, 1),
        "audio+video": (1.0, 1),
    }


def test_rows_are_paired_by_id_and_not_by_order(files):
    found = score(files, TASKS)["comparisons"]["merge"]["digits"]["exact_match"]
    assert {key: found[key] for key in ("base", "tuned", "change", "n", "improved", "worsened")} == {
        "base": 0.333333,
        "tuned": 0.666667,
        "change": 0.333333,
        "n": 3,
        "improved": 2,
        "worsened": 1,
    }


def test_fewer_edits_are_an_improvement(files):
    found = score(files, TASKS)["comparisons"]["merge"]["asr"]["wer"]
    assert (found["change"], found["improved"], found["worsened"]) == (-0.333333, 1, 0)


def test_rows_without_a_reference_are_counted_and_told(files):
    metrics = score(files, TASKS)
    assert metrics["unscored"] == {"base": {"digits": 1}, "merge": {"digits": 1}}
    assert metrics["notes"] == ["digits: 1 rows have no reference answer and are not scored."]


def test_without_base_nothing_is_compared(files):
    metrics = score({"merge": files["merge"]}, TASKS)
    assert metrics["comparisons"] == {}
    assert metrics["stages"]["merge"]["digits"]["exact_match"] == 0.666667


def test_base_may_come_last_and_equal_inputs_give_equal_metrics(files):
    turned = score(dict(reversed(files.items())), TASKS)
    assert json.dumps(turned, sort_keys=True) == json.dumps(score(files, TASKS), sort_keys=True)


def test_only_empty_references_have_no_value(tmp_path):
    base = write(tmp_path / "b", row("1", "noise", "", "asr"))
    metrics = score({"base": base, "merge": base}, TASKS)
    assert metrics["stages"]["base"]["asr"]["wer"] is None
    assert metrics["comparisons"]["merge"]["asr"]["wer"]["change"] is None
    assert " -" in scoring.table(metrics)


def fails(files, sentence):
    with pytest.raises(PipelineError) as caught:
        score(files, TASKS)
    assert str(caught.value) == sentence
    assert caught.value.code == ExitCode.DATA


def test_stages_must_hold_the_same_ids(tmp_path):
    base = write(tmp_path / "b", row("1", "x", "1"), row("2", "x", "1"))
    other = write(tmp_path / "o", row("1", "x", "1"))
    again = "Run infer again for both stages on the same test split."
    fails(
        {"base": base, "merge": other},
        f'{other}: 1 of the 2 ids of {base} are missing, the first is "2". {again}',
    )
    fails(
        {"base": other, "merge": base},
        f'{other}: 1 of the 2 ids of {base} are missing, the first is "2". {again}',
    )


@pytest.mark.parametrize(
    "changed",
    [row("1", "x", "2"), row("1", "x", None), row("1", "x", "1", "t"), row("1", "x", "1", "digits", "audio")],
)
def test_stages_must_hold_the_same_questions(tmp_path, changed):
    base = write(tmp_path / "b", row("1", "x", "1"))
    other = write(tmp_path / "o", changed)
    fails(
        {"base": base, "merge": other},
        f'{other}: the row "1" has another reference, task or modality than in {base}. '
        "Run infer again for both stages on the same test split.",
    )


def test_a_file_without_rows(tmp_path):
    empty = write(tmp_path / "b")
    fails(
        {"base": empty},
        f"{empty}: the file holds no predictions. Give the test split rows, or turn infer off.",
    )


def test_an_absent_file(tmp_path):
    fails(
        {"base": tmp_path / "no.jsonl"},
        f"{tmp_path}/no.jsonl: there is no such predictions file. Run the infer stage first.",
    )


def test_an_id_twice(tmp_path):
    twice = write(tmp_path / "b", row("1", "x", "1"), row("2", "x", "1"), row("1", "y", "1"))
    fails(
        {"base": twice},
        f'{twice}:3: the id "1" is already on line 1. Run the infer stage again; ids are unique over a run.',
    )


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"",
        b"[1]",
        b'{"id": "1"}',
        json.dumps(row("1", None, "1")).encode(),
        json.dumps(row("1", "1", 1)).encode(),
        json.dumps(row("1", "x", "1")).encode().replace(b'"x"', b'"\xff"'),
        json.dumps(row("1", "\ud800", "1")).encode(),
        json.dumps({k: v for k, v in row("1", "x", "1").items() if k != "reference"}).encode(),
    ],
)
def test_a_broken_row_is_named_by_its_line(tmp_path, line):
    path = tmp_path / "b"
    path.write_bytes(json.dumps(row("0", "x", "1")).encode() + b"\n" + line + b"\n")
    with pytest.raises(PipelineError) as caught:
        score({"base": path}, TASKS)
    assert str(caught.value).startswith(f"{path}:2: not a prediction: ")
    assert str(caught.value).endswith(". Run the infer stage again.")
    assert caught.value.code == ExitCode.DATA


def test_the_table_is_aligned(files):
    lines = scoring.table(score(files, TASKS)).splitlines()
    header, rule, *rest = lines
    assert header.split()[:7] == ["task", "metric", "stage", "n", "base", "tuned", "change"]
    assert set(rule) == {"-"}
    column = header.index("change") + len("change")
    assert all(line[column - 1].isdigit() and line[column] == " " for line in rest[:3])
    assert rest[-1] == "note: digits: 1 rows have no reference answer and are not scored."


def test_wide_signs_keep_the_table_aligned():
    found = {
        "base": 0.1,
        "tuned": 0.2,
        "change": 0.1,
        "ci95": [0.0, 0.2],
        "n": 9,
        "improved": 1,
        "worsened": 0,
    }
    text = scoring.table(
        {"comparisons": {"merge": {"数字": {"exact_match": found}, "abcd": {"exact_match": found}}}}
    )
    _, _, plain, wide = text.splitlines()
    assert wide.removeprefix("数字") == plain.removeprefix("abcd")


def test_an_empty_table_says_so(tmp_path):
    base = write(tmp_path / "b", row("1", "x", None))
    assert scoring.table(score({"base": base}, TASKS)).startswith("No row has a reference answer")
