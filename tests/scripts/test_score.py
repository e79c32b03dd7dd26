"""score.py as the rules call it: output, exit codes, exact messages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "workflow" / "scripts" / "score.py"


def run(*argv, cwd=None):
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, argv)], capture_output=True, text=True, timeout=120, cwd=cwd
    )


def write(path, answers):
    rows = [
        {
            "id": f"d/{i}",
            "source": "d",
            "task": "digits",
            "modality": "image",
            "prediction": p,
            "reference": str(i),
        }
        for i, p in enumerate(answers)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def files(tmp_path):
    write(tmp_path / "base.jsonl", ["0", "x", "x", "x"])
    write(tmp_path / "merge.jsonl", ["0", "1", "2", "x"])
    return tmp_path


def call(folder, tasks='{"default": ["exact_match"]}'):
    files = ["base=base.jsonl", "merge=merge.jsonl"]
    return run("--predictions", *files, "--tasks", tasks, "--output", "out/metrics.json", cwd=folder)


TABLE = """\
task    metric       stage  n   base  tuned  change     95 % interval  better  worse
------------------------------------------------------------------------------------
digits  exact_match  merge  4  0.250  0.750  +0.500  [+0.000, +1.000]       2      0
"""


def test_scores_and_shows(files):
    found = call(files)
    assert (found.returncode, found.stdout, found.stderr) == (0, TABLE, "")
    metrics = json.loads((files / "out/metrics.json").read_text())
    assert metrics["stages"]["merge"]["digits"]["exact_match"] == 0.75
    assert metrics["comparisons"]["merge"]["digits"]["exact_match"]["ci95"] == [0.0, 1.0]


def test_a_second_run_writes_the_same_bytes(files):
    call(files)
    first = (files / "out/metrics.json").read_bytes()
    (files / "out/metrics.json").unlink()
    call(files)
    assert (files / "out/metrics.json").read_bytes() == first


def test_math_verify_works_from_the_command(files):
    write(files / "base.jsonl", ["zero", "$\\frac{2}{2}$", "2.0", "7"])
    found = call(files, '{"digits": ["math_verify"]}')
    assert (found.returncode, found.stderr) == (0, "")
    metrics = json.loads((files / "out/metrics.json").read_text())
    assert metrics["stages"]["base"]["digits"]["math_verify"] == 0.5


def test_show_prints_the_table_only(files):
    call(files)
    assert run("--show", "out/metrics.json", cwd=files).stdout == TABLE
    twice = run("--show", "out/metrics.json", "out/metrics.json", cwd=files)
    assert twice.stdout == f"out/metrics.json\n{TABLE}\nout/metrics.json\n{TABLE}"


@pytest.mark.parametrize(
    ("tasks", "code", "message"),
    [
        (
            '{"digits": ["exact_mach"]}',
            78,
            'error: score.tasks.digits: "exact_mach" is not a metric. Did you mean exact_match? '
            "The metrics are exact_match, wer, cer, math_verify.\n",
        ),
        (
            '{"asr": ["wer"]}',
            78,
            'error: base.jsonl: the task "digits" has no metrics. Add digits or default to score.tasks.\n',
        ),
        (
            "{",
            78,
            "error: --tasks: not JSON: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1). Write it as JSON.\n",
        ),
    ],
)
def test_wrong_tasks(files, tasks, code, message):
    found = call(files, tasks)
    assert (found.returncode, found.stderr, found.stdout) == (code, message, "")
    assert not (files / "out").exists()


def test_wrong_data_is_a_sentence_with_its_line(files):
    with (files / "merge.jsonl").open("a") as file:
        file.write("{broken\n")
    found = call(files)
    assert found.returncode == 65
    assert found.stderr == (
        "error: merge.jsonl:5: not a prediction: JSON is malformed: object keys must be strings (byte 1). "
        "Run the infer stage again.\n"
    )
    assert not (files / "out").exists()


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("--predictions", "base.jsonl", "--tasks", "{}", "--output", "o"),
        ("--predictions", "base=a", "base=b", "--tasks", "{}", "--output", "o"),
        ("--show", "m.json", "--output", "o"),
    ],
)
def test_usage(files, argv):
    found = run(*argv, cwd=files)
    assert found.returncode == 2
    assert "score.py: error: " in found.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "error: m.json: there is no such file. Run score first.\n"),
        ("[]", "error: m.json: not a metrics.json. Run score again to write it anew.\n"),
        (
            '{"stages": {"base": {"digits": {}}}}',
            "error: m.json: not a metrics.json. Run score again to write it anew.\n",
        ),
        (
            '{"comparisons": {"m": {"d": {"e": 1}}}}',
            "error: m.json: not a metrics.json. Run score again to write it anew.\n",
        ),
    ],
)
def test_show_of_a_broken_file(tmp_path, content, message):
    if content is not None:
        (tmp_path / "m.json").write_text(content)
    found = run("--show", "m.json", cwd=tmp_path)
    assert (found.returncode, found.stderr) == (65, message)


def test_help_tells_the_story():
    found = run("--help")
    assert found.returncode == 0
    assert "compares each with the untouched model's" in found.stdout
