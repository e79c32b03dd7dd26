"""Lengths that keep step with their rows."""

from pathlib import Path

import pytest
from split_workplace import RULES, SPLITS, Workplace, many

from omnitune.records import Facts
from omnitune.validation.groups import Draw


@pytest.fixture
def work(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def test_lengths_stand_beside_the_rows_of_train_and_val(work: Workplace):
    rows = many("a")
    for row in rows:
        row.facts = Facts(tokens=100 + row.line)
    rows[-1].solution = "This row opens its file."
    work.add("a", ["sft", "eval"], rows)
    manifest = work.split()
    for name in ("train", "val"):
        found = work.rows(name)
        assert work.rows(f"{name}.lengths") == [{"id": row["id"], "tokens": 100 + row["line"]} for row in found]
        assert manifest["files"][f"{name}.lengths.jsonl"]["rows"] == len(found) > 0
    assert not (work.output / "test.lengths.jsonl").exists()
    assert "facts" not in {key for name in SPLITS for row in work.rows(name) for key in row}


@pytest.mark.parametrize("uncounted", [0, 30, 59])
def test_one_row_without_a_length_leaves_none(work: Workplace, uncounted):
    rows = many("a")
    for number, row in enumerate(rows):
        row.facts = Facts(tokens=0 if number == uncounted else 7)
    work.add("a", ["sft"], rows)
    manifest = work.split(RULES._replace(draw=Draw(0, 0, 1), need_test=False))
    assert (work.output / "train.lengths.jsonl").read_bytes() == b""
    assert manifest["files"]["train.lengths.jsonl"]["rows"] == 0
    assert manifest["files"]["train.jsonl"]["rows"] == 60
