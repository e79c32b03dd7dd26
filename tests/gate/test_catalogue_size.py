"""How large the catalogue is: every code has a file or row that must get it, and there are as many as promised."""

import re
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


def test_every_code_is_expected_somewhere():
    """What needs more than one row or file, a decoder or the split has a test of its own."""
    expected = {code for *_, code in BAD}
    for path in TESTS.rglob("*.py"):
        if path != Path(__file__):
            expected |= set(re.findall(r'"(E\d{3})"', path.read_text()))
    assert set(CODES) - expected == set()
