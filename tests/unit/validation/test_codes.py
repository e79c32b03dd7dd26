"""The catalogue of codes."""

import re
from pathlib import Path

import pytest

from omnitune.validation import codes
from omnitune.validation.codes import CODES, Finding, RowError

LIBRARY = Path(codes.__file__).parents[1]


def test_every_code_that_is_used_is_defined_and_every_defined_one_used():
    used = set()
    for folder in ("converters", "media", "readers", "validation"):
        for path in (LIBRARY / folder).rglob("*.py"):
            if path.name not in ("codes.py", "describe.py"):
                used |= set(re.findall(r'"(E\d{3})"', path.read_text()))
    assert used == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_a_short_name_and_a_remedy(code):
    name, fix, actions = CODES[code]
    assert set(actions) <= {"reject", "repair", "warn", "fail", "ignore"}
    assert len(actions) == len(set(actions)) > 1
    assert 0 < len(name) <= 40
    assert name == name.strip()
    assert fix.endswith((".", "?"))


def test_a_finding_says_what_and_what_to_do():
    assert Finding("E022", "nothing here").sentence() == "nothing here. Write at least one row."
    assert str(RowError("E022", "nothing here", "Look again.")) == "nothing here. Look again."
