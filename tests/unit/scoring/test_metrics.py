"""The metrics against values worked out by hand, and the traps of their libraries."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from omnitune.errors import ExitCode, PipelineError
from omnitune.scoring import error_rate, math_answer
from omnitune.scoring.exact_match import exact_match
from omnitune.scoring.metrics import METRICS, check_tasks, of_task

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"


@pytest.mark.parametrize(
    ("prediction", "reference", "right"),
    [
        ("7", "7", 1),
        (" 7\n", "7", 1),
        ("cafe\u0301", "caf\u00e9", 1),
        ("Seven", "seven", 0),
        ("7.", "7", 0),
        ("a  b", "a b", 0),
        ("", "", 1),
        ("", "7", 0),
        ("²", "2", 0),
    ],
)
def test_exact_match_forgives_blanks_at_the_ends_and_unicode_composition_only(prediction, reference, right):
    assert exact_match([prediction], [reference]).amount == [right]


@pytest.mark.parametrize(
    ("prediction", "reference", "edits", "words"),
    [
        ("the cat sat", "the cat sat", 0, 3),
        ("the dog sat", "the cat sat", 1, 3),
        ("cat sat", "the cat sat", 1, 3),
        ("the big cat sat down", "the cat sat", 2, 3),
        ("", "the cat sat", 3, 3),
        ("two words", "", 2, 0),
        ("", "", 0, 0),
        (" the\ncat\t sat ", "the cat  sat", 0, 3),
        ("The cat sat", "the cat sat", 1, 3),
    ],
)
def test_word_edits(prediction, reference, edits, words):
    counts = error_rate.wer([prediction], [reference])
    assert (counts.amount, counts.weight) == ([edits], [words])


def test_character_edits_count_blanks():
    counts = error_rate.cer(["abc", "a c", ""], ["abd", "ac", "xyz"])
    assert (counts.amount, counts.weight) == ([1, 1, 3], [3, 2, 3])


def test_error_rates_equal_jiwers_own_over_the_corpus():
    import jiwer

    references = ["the quick brown fox", "jumps", "over the lazy dog again", "你好 世界"]
    predictions = ["the quick fox", "jumped up", "over a lazy dog", "你好 世"]
    assert error_rate.wer(predictions, references).value() == jiwer.wer(references, predictions)
    assert error_rate.cer(predictions, references).value() == jiwer.cer(references, predictions)


def test_an_error_rate_is_of_the_corpus_and_not_the_mean_of_rows():
    counts = error_rate.wer(["x", "a b c d e f g h i"], ["y", "a b c d e f g h i"])
    assert counts.value() == pytest.approx(1 / 10)


def test_empty_references_alone_have_no_rate():
    assert error_rate.wer(["a", ""], ["", ""]).value() is None


MATH = [
    ("17", "17", 1),
    ("The answer is 17.", "17", 1),
    ("0.5", "\\frac{1}{2}", 1),
    ("$\\frac{2}{4}$", "1/2", 1),
    ("I think \\boxed{2\\pi}", "2\\pi", 1),
    ("\\sqrt{8}", "2\\sqrt{2}", 1),
    ("2", "2\\pi", 0),
    ("10", "10^{3}", 0),
    ("1 7", "17", 0),
    ("18", "17", 0),
    ("", "17", 0),
    ("no idea", "17", 0),
    ("(1, 2)", "(1,2)", 1),
    ("2", "(1,2)", 0),
    ("the pair is (1, 2)", "(2,1)", 0),
    ("the answer is \\frac{1}{2}", "0.5", 1),
    ("x + 1", "1+x", 1),
    ("x=5", "5", 1),
    ("50\\%", "0.5", 1),
    ("17 (seventeen)", "17", 1),
    ("1,234", "1234", 1),
]


def test_math_answers_are_compared_by_meaning():
    counts = math_answer.math_verify([p for p, _, _ in MATH], [r for _, r, _ in MATH])
    assert dict(zip(MATH, counts.amount, strict=True)) == {case: case[2] for case in MATH}
    assert counts.notes == []


def test_math_answers_are_the_same_off_the_main_thread():
    # math_verify's own limits use signals; off the main thread each answer would silently be wrong.
    found = []
    thread = threading.Thread(target=lambda: found.append(math_answer.math_verify(["0.5", "1"], ["1/2", "2"])))
    thread.start()
    thread.join()
    assert found[0].amount == [1, 0]


def test_a_reference_without_mathematics_is_told_and_compared_as_text():
    counts = math_answer.math_verify(["cat", "act", "3"], ["cat", "cat", "3.0"])
    assert counts.amount == [1, 0, 1]
    assert counts.notes == [
        "math_verify reads no mathematics in the reference of 1 of 3 rows; "
        "they are right only when prediction and reference are the same text"
    ]


def test_an_answer_that_never_ends_is_stopped_and_the_next_one_scored():
    started = time.monotonic()
    with math_answer.Comparer(seconds=2) as comparer:
        assert comparer.compare("$9^{9^{9^{9}}} + 1$", "$9^{9^{9^{9}}}$") in (None, math_answer.WRONG)
        assert comparer.compare("$(10^{9})!$", "1") is None
        assert comparer.compare("0.5", "1/2") == math_answer.RIGHT
    assert time.monotonic() - started < 120


def test_stopped_answers_are_told(monkeypatch):
    monkeypatch.setattr(math_answer.Comparer, "compare", lambda *_: None)
    counts = math_answer.math_verify(["2", "1"], ["1", "1"])
    assert counts.amount == [0, 1]
    assert counts.notes == [
        "math_verify was stopped on 1 of 2 rows (more than 20 s or too much memory for one answer); "
        "they count as wrong"
    ]


def test_a_broken_math_verify_is_an_error_and_not_a_zero(tmp_path):
    # A library that finds nothing equal, as it does off the main thread.
    (tmp_path / "math_verify.py").write_text("parse = lambda *a, **k: [1]\nverify = lambda *a, **k: False\n")
    code = "from omnitune.scoring.math_answer import math_verify; math_verify(['1'], ['2'])"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{tmp_path}:{SCRIPTS}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 1
    assert found.stderr.strip().splitlines()[-1] == (
        "omnitune.errors.PipelineError: math_verify does not work here: it fails to see that 1/2 and 0.5 are "
        "equal. Run make setup to install the locked versions again."
    )


def test_scoring_and_reporting_load_no_heavy_library():
    code = (
        "import sys, omnitune.scoring, omnitune.scoring.metrics, omnitune.reporting\n"
        "heavy = {'numpy', 'jiwer', 'math_verify', 'sympy', 'jinja2', 'torch', 'snakemake'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize(
    ("tasks", "sentence"),
    [
        (
            {"asr": ["wr"]},
            'score.tasks.asr: "wr" is not a metric. Did you mean wer? '
            "The metrics are exact_match, wer, cer, math_verify.",
        ),
        (
            {"asr": "wer"},
            "score.tasks.asr: must be a list of metrics. The metrics are exact_match, wer, cer, math_verify.",
        ),
        (
            {},
            "score.tasks: must map task names to lists of metrics. "
            "The metrics are exact_match, wer, cer, math_verify.",
        ),
        ({"asr": ["wer", "wer"]}, "score.tasks.asr: names a metric twice. Name each metric once."),
        (
            {"asr": [["wer"]]},
            "score.tasks.asr: \"['wer']\" is not a metric. Did you mean wer? "
            "The metrics are exact_match, wer, cer, math_verify.",
        ),
    ],
)
def test_wrong_tasks_are_a_sentence(tasks, sentence):
    with pytest.raises(PipelineError) as caught:
        check_tasks(tasks)
    assert (str(caught.value), caught.value.code) == (sentence, ExitCode.CONFIG)


def test_a_task_without_metrics_needs_default():
    assert of_task("digits", {"default": ["exact_match"]}, "f") == ["exact_match"]
    with pytest.raises(PipelineError) as caught:
        of_task("digits", {"asr": ["wer"]}, "base.jsonl")
    assert str(caught.value) == (
        'base.jsonl: the task "digits" has no metrics. Add digits or default to score.tasks.'
    )


def test_every_metric_has_one_amount_and_weight_a_row():
    for metric in METRICS.values():
        counts = metric.measure(["1", "2", "x y"], ["1", "1", "x z"])
        assert len(counts.amount) == len(counts.weight) == 3
        assert (counts.value() == 1 / 3) == metric.higher_is_better
