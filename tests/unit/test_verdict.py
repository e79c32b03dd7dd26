"""verdict.json beside the log of a failed command."""

import errno
import json
from pathlib import Path

import pytest

from omnitune import verdict
from omnitune.errors import ExitCode, PipelineError


def fail(log: Path, error: Exception) -> None:
    with verdict.recorded(log):
        raise error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            PipelineError("it stopped", where="x", fix="Go on.", code=ExitCode.INTERRUPTED),
            {"code": 85, "what": "it stopped", "where": "x", "fix": "Go on."},
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "out/a"),
            {"code": 74, "what": "No space left on device", "where": "out/a"}
            | {"fix": "Free space there, then run again."},
        ),
    ],
)
def test_a_failure_is_recorded_and_passed_on(tmp_path: Path, error: Exception, told: dict):
    with pytest.raises(type(error)) as passed:
        fail(tmp_path / "logs" / "train.swift.log", error)
    assert passed.value is error
    assert json.loads((tmp_path / "logs/train.swift.verdict.json").read_bytes()) == told


def test_success_removes_the_verdict_of_an_earlier_attempt(tmp_path: Path):
    (tmp_path / "a.verdict.json").write_text("{}")
    (tmp_path / "b.verdict.json").write_text("{}")
    with verdict.recorded(tmp_path / "a.log"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["b.verdict.json"]


def test_a_bug_is_no_verdict(tmp_path: Path):
    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "a.log", ZeroDivisionError())
    assert list(tmp_path.iterdir()) == []
