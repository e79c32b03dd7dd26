"""Which checkpoints stay."""

import os
from pathlib import Path

from weight_files import write_checkpoint

from omnitune.trainer.rotation import rotate


def left(work: Path) -> list[int]:
    return sorted(int(path.name.rpartition("-")[2]) for path in work.glob("checkpoint-*"))


def test_the_newest_by_number_and_the_best_stay(tmp_path: Path):
    for step, loss in ((9, 2.0), (10, 1.0), (20, 3.0), (30, None), (100, 2.5)):
        os.utime(write_checkpoint(tmp_path, step, eval_loss=loss), (1e9 - step, 1e9 - step))  # times turned round
    rotate(tmp_path, 2)
    assert left(tmp_path) == [10, 30, 100]
    rotate(tmp_path, 2)
    assert left(tmp_path) == [10, 30, 100]


def test_fewer_than_the_limit_all_stay(tmp_path: Path):
    write_checkpoint(tmp_path, 5)
    rotate(tmp_path, 3)
    assert left(tmp_path) == [5]


def test_one_without_a_seal_counts_for_none(tmp_path: Path):
    for step in (5, 10, 15):
        write_checkpoint(tmp_path, step)
    (tmp_path / "checkpoint-15/SEAL.json").unlink()
    rotate(tmp_path, 2)
    assert left(tmp_path) == [5, 10, 15]


def test_what_a_kill_left_of_an_old_one_goes(tmp_path: Path):
    write_checkpoint(tmp_path, 5).rename(tmp_path / ".trash-checkpoint-5")
    rotate(tmp_path, 2)
    assert list(tmp_path.iterdir()) == []
