"""verdict.json beside the log of a failed command."""

import errno
import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from omnitune import verdict
from omnitune.errors import ExitCode, PipelineError
from omnitune.supervisor import Stopped, signals
from omnitune.supervisor.signals import Wishes

LOG = Path("logs/train.swift.log")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(verdict.JOB, raising=False)


def read(path: Path) -> dict:
    return json.loads(path.read_bytes())


def fail(log: Path, error: Exception) -> None:
    with verdict.recorded(log):
        raise error


def attempt(number: int, key: str = "k1", error: PipelineError | None = None) -> str:
    """One try: `worked`, or how it was told to end; `error` is what it would end with."""
    try:
        with verdict.recorded(LOG, number) as this:
            this.works_on(key)
            if error:
                raise error
    except PipelineError as told:
        return f"{int(told.code)} {told}" + ("" if told is error else " (not tried)")
    return "worked"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            PipelineError("it stopped", where="x", fix="Go on.", code=ExitCode.INTERRUPTED),
            {"code": 85, "what": "it stopped", "where": "x", "fix": "Go on.", "hopeless": False},
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "out/a"),
            {"code": 74, "what": "No space left on device", "where": "out/a", "hopeless": False}
            | {"fix": "Free space there, then run again."},
        ),
    ],
)
def test_a_failure_is_recorded_and_passed_on(tmp_path: Path, error: Exception, told: dict):
    with pytest.raises(type(error)) as passed:
        fail(tmp_path / "logs" / "train.swift.log", error)
    assert passed.value is error
    assert read(tmp_path / "logs/train.swift.verdict.json") == told | {"key": "", "job": ""}


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


HOPELESS = [ExitCode.DATA, ExitCode.GPU_MEMORY, ExitCode.NOT_FINITE, ExitCode.CONFIG]


@pytest.mark.parametrize("code", HOPELESS)
def test_a_hopeless_job_is_not_tried_again_by_itself(code: ExitCode, capsys: pytest.CaptureFixture[str]):
    told = attempt(1, error=PipelineError("it is so", where="x.log", fix="Mend it.", code=code))
    assert told == f"{int(code)} x.log: it is so. Mend it."
    for number in (2, 3):
        assert attempt(number) == f"{told} (not tried)"
    assert "Not tried again: the attempt before failed for good" in capsys.readouterr().out
    assert attempt(2, key="k2") == "worked", "something has changed"


def test_a_persons_start_is_always_tried():
    attempt(1, error=PipelineError("it is so", code=ExitCode.CONFIG))
    assert attempt(1) == "worked"
    assert attempt(2) == "worked", "success removes the verdict"


@pytest.mark.parametrize("code", [code for code in ExitCode if code not in HOPELESS])
def test_what_may_end_otherwise_is_tried_again(code: ExitCode):
    attempt(1, error=PipelineError("it is so", code=code))
    assert attempt(2) == "worked"


def test_who_has_a_remedy_left_says_so():
    """Half the micro-batch, for example."""
    error = PipelineError("out of memory", code=ExitCode.GPU_MEMORY)
    error.hopeless = False
    attempt(1, error=error)
    assert attempt(2) == "worked"


def test_who_knows_better_than_the_code_is_believed_at_every_further_try():
    error = PipelineError("it differs", code=ExitCode.BUG)
    error.hopeless = True
    assert attempt(1, error=error) == "70 it differs."
    for number in (2, 3):
        assert attempt(number) == "70 it differs. (not tried)"


def test_who_was_asked_to_end_is_not_started_again_by_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    wishes = Wishes()
    wishes.take(signal.SIGTERM, None)
    assert attempt(1, error=Stopped.by(wishes)).startswith("85 Stopped by SIGTERM.")
    assert attempt(2).endswith("(not tried)")
    assert capsys.readouterr().out == "Not tried again: it was asked to end.\n"
    monkeypatch.setenv(verdict.JOB, "42")  # before its time is up
    assert attempt(1, error=Stopped.by(wishes)).startswith("85 ")
    for job in ("42", "43"):
        monkeypatch.setenv(verdict.JOB, job)
        assert attempt(2, error=Stopped.by(wishes)).startswith("85 Stopped by SIGTERM.")
        assert "not tried" not in attempt(2, error=Stopped.by(wishes))
    assert attempt(2) == "worked"


def test_a_job_that_slurm_starts_again_is_no_persons_start(monkeypatch: pytest.MonkeyPatch):
    """It comes under its old number, with the old count of attempts."""
    monkeypatch.setenv(verdict.JOB, "42")
    attempt(1, error=PipelineError("it is so", code=ExitCode.CONFIG))
    assert attempt(1) == "78 it is so. (not tried)"
    monkeypatch.setenv(verdict.JOB, "43")
    assert attempt(1) == "worked"


def ends(number: int, end: Callable[[], object], *, begins: bool = True) -> int:
    """One try in a process of its own, and how that ended."""
    pid = os.fork()
    if pid == 0:
        with suppress(PipelineError), verdict.recorded(LOG, number) as this:
            if begins:
                this.works_on("k1")
            end()
        os._exit(85)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("begins", [True, False])
def test_what_an_earlier_start_left_is_no_word_on_one_that_was_killed(begins: bool):
    """Yesterday a person ended it, or it failed for good; today the kernel kills it, and Snakemake tries again."""
    wishes = Wishes()
    wishes.take(signal.SIGINT, None)
    for left in (Stopped.by(wishes), PipelineError("it is so", code=ExitCode.CONFIG)):
        attempt(1, error=left)
        assert ends(1, lambda: os.kill(os.getpid(), signal.SIGKILL), begins=begins) == -signal.SIGKILL
        assert attempt(2) == "worked"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("begins", [True, False])
def test_who_is_asked_to_end_while_nothing_is_supervised_says_so_and_is_not_tried_again(
    number: signal.Signals, begins: bool
):
    """While it waits for a GPU or another's lease, reads what was trained, or publishes it."""
    before = signal.getsignal(number)
    assert ends(1, lambda: os.kill(os.getpid(), number), begins=begins) == 85
    told = f"85 Stopped by {number.name}. Run the same command again: it goes on from what is whole."
    assert attempt(2) == f"{told} (not tried)"
    assert attempt(1) == "worked"
    assert signal.getsignal(number) == before


def test_a_wish_interrupts_once_though_it_comes_from_several():
    """A terminal, a shell and Slurm may each hand it on: what tidies up is not to be interrupted in its turn."""

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            Path("tidied").touch()

    assert ends(1, work) == 85
    assert Path("tidied").exists()


def test_who_collects_wishes_is_not_interrupted():
    with verdict.recorded(LOG), signals.collected() as wishes:
        os.kill(os.getpid(), signal.SIGTERM)
        assert wishes.wanted


@pytest.mark.parametrize("rubbish", ["", "{", "[]", "{}", '{"hopeless": true}', '{"hopeless": 1, "key": "k1"}'])
def test_a_damaged_verdict_holds_nobody_up(rubbish: str):
    LOG.parent.mkdir()
    LOG.with_name("train.swift.verdict.json").write_text(rubbish)
    assert attempt(2) == "worked"
