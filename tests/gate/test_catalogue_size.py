"""How large the catalogue is: every code has a file or row that must get it, and there are as many as promised."""

import ast
from collections import Counter
from pathlib import Path

import bad_media
import bad_rows
import good_media
import good_rows

from omnitune.validation.codes import CODES

TESTS = Path(__file__).parents[1]
BAD = [("row", case.name, case.code) for case in bad_rows.CASES]
BAD += [("medium", bad.name, bad.code) for bad in bad_media.BAD]
GOOD = [*good_rows.FILES, *(good.name for good in good_media.GOOD)]


def test_there_are_enough_bad_and_good_ones():
    assert len({bad[:2] for bad in BAD}) == len(BAD) >= 240
    assert len(set(GOOD)) == len(GOOD) >= 60
    print(f"{len(BAD)} bad, {len(GOOD)} good, codes: {len({code for *_, code in BAD})} of {len(CODES)}")


def test_no_fixture_stands_for_another():
    """Not one thing under many names: what is bad is bad in its own way."""
    contents = Counter(case.content() + f"{case.use}{case.suffix}".encode() for case in bad_rows.CASES)
    assert [content[:100] for content, count in contents.items() if count > 1] == []


# What needs more than one row or file, a decoder, a server or the split: where such an outcome is asserted.
ELSEWHERE = {
    "tests/unit/media/test_decode_audio.py": ["E088", "E089", "E090"],
    "tests/unit/media/test_decode_image.py": ["E121"],
    "tests/unit/media/test_fetch.py": ["E243", "E244"],
    "tests/unit/media/test_inspect.py": ["E078", "E093", "E123", "E221", "E222"],
    "tests/unit/media/test_media_paths.py": ["E064"],
    "tests/unit/media/test_soundtrack.py": ["E210"],
    "tests/unit/readers/test_delimited.py": ["E207", "E208"],
    "tests/unit/validation/test_checks.py": ["E214"],
    "tests/unit/validation/test_gate.py": ["E140"],
    "tests/unit/validation/test_lengths_of_rows.py": ["E057", "E223"],
    "tests/unit/validation/test_media_judge.py": ["E220"],
    "tests/unit/validation/test_repeats.py": ["E056", "E230"],
    "tests/unit/validation/test_split_sources.py": ["E206", "E216"],
}


def test_every_code_is_the_outcome_of_a_bad_row_or_file_or_of_a_test_that_is_named():
    expected = {code for *_, code in BAD}
    elsewhere = [code for codes in ELSEWHERE.values() for code in codes]
    assert sorted(set(CODES) - expected) == sorted(elsewhere)
    for name, codes in ELSEWHERE.items():
        assert [code for code in codes if code not in _outcomes(TESTS.parent / name)] == []


def _outcomes(path: Path) -> set[str]:
    """The codes that a file's tests compare something with, or have as a parameter of a case."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    places: list[ast.AST] = [node for node in nodes if isinstance(node, ast.Compare)]
    places += [node.iter for node in nodes if isinstance(node, ast.For)]
    places += [node for node in nodes if isinstance(node, ast.Call) and "parametrize" in ast.unparse(node.func)]
    return set().union(*map(_codes, places))


def _codes(tree: ast.AST) -> set[str]:
    """The codes among the texts of a tree."""
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {text for text in texts if isinstance(text, str) and text in CODES}
