"""Verdicts that are honest, and numbers as a reader wants them."""

import pytest

from omnitune.reporting import words
from omnitune.reporting.inputs import Comparison, MetricKind

EXACT = MetricKind("exact match", True)
WER = MetricKind("word error rate", False)


def compared(base, tuned, low, high, n=297):
    return Comparison(base=base, tuned=tuned, change=tuned - base, ci95=(low, high), n=n)


@pytest.mark.parametrize(
    ("kind", "found", "verdict", "sentence"),
    [
        (
            EXACT,
            compared(0.08, 0.5, 0.36, 0.48),
            "better",
            "digits exact match 0.080 → 0.500 (+0.420, 95 % CI +0.360 to +0.480, n=297)",
        ),
        (
            EXACT,
            compared(0.5, 0.4, -0.15, -0.05),
            "worse",
            "digits exact match 0.500 → 0.400 (−0.100, 95 % CI −0.150 to −0.050, n=297)",
        ),
        (
            EXACT,
            compared(0.5, 0.52, -0.01, 0.05),
            "unclear",
            "digits exact match 0.500 → 0.520 (+0.020, 95 % CI −0.010 to +0.050, n=297); no clear change",
        ),
        (
            EXACT,
            compared(0.5, 0.52, 0.0, 0.05),
            "unclear",
            "digits exact match 0.500 → 0.520 (+0.020, 95 % CI +0.000 to +0.050, n=297); no clear change",
        ),
        (
            EXACT,
            compared(0.0, 1.0, 1.0, 1.0, n=5),
            "unclear",
            "digits exact match 0.000 → 1.000 (+1.000, 95 % CI +1.000 to +1.000, n=5); 5 rows are too few to tell",
        ),
        (
            WER,
            compared(0.5, 0.25, -0.3, -0.2),
            "better",
            "digits word error rate 0.500 → 0.250 (−0.250, 95 % CI −0.300 to −0.200, n=297; lower is better)",
        ),
        (
            WER,
            compared(0.25, 0.5, 0.2, 0.3),
            "worse",
            "digits word error rate 0.250 → 0.500 (+0.250, 95 % CI +0.200 to +0.300, n=297; lower is better)",
        ),
        (
            WER,
            Comparison(n=4),
            "unclear",
            "digits word error rate – → – (no value: the references are empty, n=4)",
        ),
    ],
)
def test_a_change_is_clear_only_when_its_interval_leaves_out_zero(kind, found, verdict, sentence):
    assert words.judge("digits", kind, found) == ("digits", verdict, sentence)


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (
            [],
            "Nothing was compared with the untouched model, so this page cannot say whether tuning helped.",
        ),
        (["better"], "Clearly better."),
        (["worse"], "Clearly worse."),
        (["unclear"], "No clear change."),
        (["better"] * 3, "Clearly better on all 3 measures."),
        (["worse"] * 2, "Clearly worse on all 2 measures."),
        (["unclear"] * 2, "No clear change on any of 2 measures."),
        (["better", "unclear"], "Of 2 measures: 1 clearly better, 1 not clear."),
        (
            ["better", "worse", "worse", "unclear"],
            "Of 4 measures: 1 clearly better, 2 clearly worse, 1 not clear.",
        ),
    ],
)
def test_the_summary_counts_what_is_bad_as_well(verdicts, sentence):
    assert words.summary([words.Finding("t", verdict, "") for verdict in verdicts]) == sentence


def test_numbers():
    assert words.number(None) == words.signed(None) == words.count(None) == "–"
    assert (words.number(0.98765), words.signed(-0.5), words.signed(0.5)) == ("0.988", "−0.500", "+0.500")
    assert words.count(35259818545) == "35\u202f259\u202f818\u202f545"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-4, "0.0001"),
        (True, "true"),
        (None, "none"),
        (["a", 1, False], "a, 1, false"),
        (list("abcdefgh"), "a, b, c, d, e, f, … (8 in all)"),
        ("x" * 201, "x" * 199 + "…"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_settings_read_as_they_are_written(value, text):
    assert words.plain(value) == text
