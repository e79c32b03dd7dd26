"""Signs of life: written not too often, read by others, never in the way."""

import os
from pathlib import Path

import pytest

from omnitune.trainer import heartbeat
from omnitune.trainer.heartbeat import Heartbeat


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_beat_says_who_and_where(tmp_path: Path):
    Heartbeat(tmp_path, 1).beat("train", 7, 20)
    Heartbeat(tmp_path, 0).beat("save", 8, 20)
    zero, one = heartbeat.read(tmp_path)
    assert (zero.rank, zero.step, zero.phase) == (0, 8, "save")
    assert (one.rank, one.step, one.max_steps, one.phase, one.pid) == (1, 7, 20, "train", os.getpid())
    assert one.host == os.uname().nodename
    heartbeat.clear(tmp_path)
    assert heartbeat.read(tmp_path) == []


def test_within_a_second_only_another_phase_is_written(tmp_path: Path):
    clock = Clock()
    heart = Heartbeat(tmp_path, 0, clock)

    def step_after(seconds: float, step: int, phase: heartbeat.Phase = "train") -> int:
        clock.now += seconds
        heart.beat(phase, step, 20)
        return heartbeat.read(tmp_path)[0].step

    assert step_after(0, 1) == 1
    assert step_after(0.6, 2) == 1
    assert step_after(0.6, 3) == 3
    assert step_after(0.1, 4, "save") == 4


def test_what_is_no_beat_is_passed_over(tmp_path: Path):
    Heartbeat(tmp_path, 0).beat("train", 1, 2)
    odd = (tmp_path / "heartbeat/0.json").read_text().replace('"step": 1', '"step": "x"')
    for name, text in (("1.json", "{"), ("2.json", '{"pid": 1}'), ("3.json", "[]"), ("4.json", odd)):
        (tmp_path / "heartbeat" / name).write_text(text)
    assert [beat.rank for beat in heartbeat.read(tmp_path)] == [0]


def test_a_place_that_cannot_be_written_to_costs_the_beat_alone(tmp_path: Path):
    (tmp_path / "heartbeat").write_text("no folder")
    Heartbeat(tmp_path, 0).beat("train", 1, 2)


def test_the_last_beat_of_all_ranks_and_those_since(tmp_path: Path):
    assert heartbeat.last(tmp_path) == 0
    for rank in (0, 1):
        Heartbeat(tmp_path, rank).beat("train", 1, 2)
        os.utime(tmp_path / f"heartbeat/{rank}.json", (5 + rank,) * 2)
    assert heartbeat.last(tmp_path) == 6
    assert [beat.rank for beat in heartbeat.read(tmp_path, since=6)] == [1]


@pytest.mark.parametrize("text", ["/dev/null", ""])
def test_no_work_no_beats(tmp_path: Path, text: str):
    assert heartbeat.read(tmp_path / text) == []
