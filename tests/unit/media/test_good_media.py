"""Good files of unusual forms: nothing but what is to be expected is remarked, and their facts are right."""

from pathlib import Path

import pytest
from good_media import GOOD, Good

from omnitune.media.probe import probe


@pytest.mark.parametrize("good", GOOD, ids=[good.name for good in GOOD])
def test_a_good_file_is_read(good: Good, tmp_path: Path):
    found = probe(good.modality, str(good.make(tmp_path)))
    assert {finding.code for finding in found.findings} == good.codes
    for name, value in good.facts.items():
        assert getattr(found, name) == (pytest.approx(value) if isinstance(value, float) else value), name


def test_there_are_enough_of_them():
    assert len({good.name for good in GOOD}) == len(GOOD) >= 60
