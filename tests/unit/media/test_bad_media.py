"""Every bad file of the catalogue gets its code."""

from pathlib import Path

import pytest
from bad_media import BAD, Bad
from media_codes import expected

from omnitune.media.probe import probe
from omnitune.validation.codes import Finding, RowError


@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
def test_a_bad_file_gets_its_code(bad: Bad, tmp_path: Path):
    path = bad.make(tmp_path)
    findings, useless = look_at(bad.modality, path)
    codes = [finding.code for finding in findings]
    assert set(codes) == expected(bad.name, {bad.code}, "probe")
    assert useless == bad.useless
    assert len(codes) == len(set(codes))
    assert all(str(path) in finding.sentence() for finding in findings)


def look_at(modality: str, path: Path) -> tuple[tuple[Finding, ...], bool]:
    """The findings on a file, and whether it is of no use at all."""
    try:
        return probe(modality, str(path)).findings, False
    except RowError as error:
        return (error.finding,), True


def test_the_list_names_each_file_once():
    assert len({bad.name for bad in BAD}) == len(BAD)
