"""How far a training is, from heartbeats, ms-swift's log and sealed checkpoints."""

import json
from pathlib import Path
from typing import Any

import pytest

from omnitune.progress import Progress, look
from omnitune.trainer.heartbeat import Heartbeat

LINE = {"loss": 1.23456, "global_step/max_steps": "40/180", "remaining_time": "9m 3s", "train_speed(s/it)": 4.1}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder of checkpoints with everything in it."""
    (tmp_path / "heartbeat").mkdir()
    log(tmp_path, LINE | {"global_step/max_steps": "39/180"}, LINE, {"eval_loss": 2, **STEP})
    for rank, step in enumerate((42, 43)):
        beat(tmp_path, rank, step=step)
    for step, sealed in ((20, True), (30, True), (40, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if sealed:
            (tmp_path / f"checkpoint-{step}/SEAL.json").touch()
    (tmp_path / "checkpoint-odd").mkdir()
    (tmp_path / "checkpoint-odd/SEAL.json").touch()
    return tmp_path


STEP = {"global_step/max_steps": "40/180"}


def log(work: Path, *records: dict[str, Any]) -> None:
    text = "".join(json.dumps(record) + "\n" for record in records)
    (work / "logging.jsonl").write_text(text + '{"loss": 0.9, "global_step/max_st')


def beat(work: Path, rank: int, step: int) -> None:
    Heartbeat(work, rank).beat("train", step, 180)


def test_all_that_is_known_is_one_line(work: Path) -> None:
    now = look(work)
    assert now == Progress("43/180", "1.235", "4.1 s/it", "9m 3s", "30")
    assert now.line() == "step 43/180  loss 1.235  4.1 s/it  left 9m 3s  last checkpoint 30"


def test_what_an_earlier_start_has_left_is_not_this_ones(work: Path) -> None:
    now = look(work, since=Path(work / "logging.jsonl").stat().st_mtime + 60)
    assert now == Progress(saved="30")
    assert now.line() == ""


def test_without_heartbeats_the_log_tells_the_step(work: Path) -> None:
    for path in (work / "heartbeat").iterdir():
        path.write_text("[")
    assert look(work).step == "40/180"
    beat(work, 0, step=0)  # before the first step
    log(work)
    assert look(work).line() == ""


def test_an_empty_folder_and_none_are_no_progress(tmp_path: Path) -> None:
    assert look(tmp_path) == look(tmp_path / "none") == Progress()


@pytest.mark.parametrize(
    "odd", [{"loss": "x"}, {"loss": True}, {"train_speed(s/it)": None}, {"remaining_time": 5}]
)
def test_odd_values_are_left_out(work: Path, odd: dict[str, Any]) -> None:
    log(work, LINE | odd)
    assert look(work).step == "43/180"
    assert "None" not in look(work).line()
