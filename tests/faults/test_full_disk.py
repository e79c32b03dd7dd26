"""A disk that fills up or stops taking writes in the middle of the work: one sentence with the path, code 74, what
was good before stays, and once there is room the same command ends well."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import looks
import pytest
from children import run, when_started
from full import full
from small_disk import PAGE, SmallDisk, small_disk  # noqa: F401 - a fixture
from small_job import small_job
from split_workplace import Workplace, many
from tally import Count
from weight_files import floats, write_safetensors

from omnitune import disk, merging
from omnitune.environments import ROOT
from omnitune.errors import PipelineError, of_machine
from omnitune.supervisor import Limits
from omnitune.training import Job, train

FULL, READ_ONLY = "No space left on device", "Read-only file system"


@pytest.fixture(autouse=True)
def _taken_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """There was room when it was asked for; another program took it."""
    monkeypatch.setattr(disk, "require", lambda *_: None)


def ends(work: Callable[[], object]) -> PipelineError | None:
    """The error that a command would tell; None when it ends well."""
    try:
        work()
    except PipelineError as error:
        return error
    except OSError as error:
        return of_machine(error)
    return None


def refused(work: Callable[[], object], small: SmallDisk, what: str) -> PipelineError | None:
    """The same, held against the rules for a disk's faults."""
    error = ends(work)
    if error:
        assert error.code == 74, error
        assert what in error.what
        # What the trainer could not write is told by its own line, and the log named.
        assert error.where == "train.swift.log" or Path(error.where).absolute().is_relative_to(small.folder)
        assert error.fix
    return error


@pytest.fixture
def job(fake_python: str, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> Job:  # noqa: F811
    monkeypatch.chdir(small_disk.folder.parent)
    small = small_job(fake_python)
    arguments = {**small.arguments, "output_dir": "disk/sft/checkpoints"}
    return replace(small, arguments=arguments, output=Path("disk/sft/model"))


def other(job: Job) -> Job:
    """A training with another result."""
    return replace(job, arguments={**job.arguments, "learning_rate": 0.002})


@pytest.mark.parametrize("pages", full([0, 6, 30], range(0, 72, 3)))
def test_a_training_that_finds_the_disk_full(
    job: Job,
    small_disk: SmallDisk,  # noqa: F811
    pages: int,
    count: Count,
) -> None:
    """After so many pages: with the first file, in a checkpoint, at the publishing."""
    train(job)
    before = looks.model(job.output)
    small_disk.fill(pages * PAGE)
    error = refused(lambda: train(other(job)), small_disk, FULL)
    assert error or pages > 30
    if error:
        assert looks.model(job.output) == before
        small_disk.free()
        train(other(job))
        count("full disks survived")
    assert looks.model(job.output) not in (before, None)


def test_a_training_that_may_not_write(job: Job, small_disk: SmallDisk, count: Count) -> None:  # noqa: F811
    train(job)
    before = looks.model(job.output)
    small_disk.make_writable(False)
    error = refused(lambda: train(other(job)), small_disk, READ_ONLY)
    assert error
    assert "Mount it for writing" in error.fix
    assert looks.model(job.output) == before
    small_disk.make_writable(True)
    train(other(job))
    assert looks.model(job.output) not in (before, None)
    count("read-only disks survived")


# Beats that nothing is saved between, and no other word.
BEATING = """
import itertools, time
from pathlib import Path
from omnitune.trainer.heartbeat import Heartbeat
heartbeat = Heartbeat(Path("disk/work"), 0, itertools.count().__next__)  # none is left out
for step in range(1, 10_000):
    heartbeat.beat("train", step, 10_000)
    if step == 3:
        Path("pids").touch()
    time.sleep(0.1)
"""


def test_a_disk_that_fills_up_between_saves_is_no_hang(
    small_disk: SmallDisk,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    count: Count,
) -> None:
    monkeypatch.chdir(small_disk.folder.parent)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "workflow/scripts"))
    thread = when_started(lambda: small_disk.fill(0))
    limits = Limits(first_step=60, stall=5, grace=1)
    error = refused(lambda: run(BEATING, work=Path("disk/work"), limits=limits), small_disk, "No space left")
    thread.join()
    assert error
    assert str(error).startswith("disk/work: there was no sign of progress for ")
    count("full disks survived")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("pages", full([0, 4], range(24)))
def test_a_split_that_finds_the_disk_full(
    tmp_path: Path,
    small_disk: SmallDisk,  # noqa: F811
    pages: int,
    count: Count,
) -> None:
    place = Workplace(tmp_path)
    place.output = small_disk.folder / "split"
    place.add("a", ["sft", "eval"], many("a"))
    place.split()
    before = files(place.output)
    place.add("b", ["sft", "eval"], many("b"))
    small_disk.fill(pages * PAGE)
    error = refused(place.split, small_disk, FULL)
    assert error or pages > 6
    small_disk.free()
    seen = files(place.output)
    place.split()
    after = files(place.output)
    assert after.keys() == before.keys() == seen.keys()
    assert all(seen[name] in (before[name], after[name]) for name in seen), "each is whole"
    if error:
        count("full disks survived")


@pytest.mark.swift
@pytest.mark.parametrize("fault", [0, 1, 3, "read-only"])
def test_a_merge_that_finds_the_disk_full(
    tiny_model: Path,
    small_disk: SmallDisk,  # noqa: F811
    fault: int | str,
    tmp_path: Path,
    count: Count,
) -> None:
    """With so many megabytes free, of the four that the final model takes."""
    manifest = tmp_path / "base.json"
    manifest.write_text('{"base": "base"}')

    def merge(value: float) -> Callable[[], None]:
        """A merge of one changed tensor."""
        trained = tmp_path / f"trained{value}"
        changed = {"thinker.model.norm.weight": floats(*[value] * 64)}
        write_safetensors(trained / "model.safetensors", changed)
        (trained / "manifest.json").write_text(json.dumps({"base": "base"}))
        return lambda: merging.merge(tiny_model, trained, output, manifest=manifest)

    output = small_disk.folder / "merge/model"
    merge(1.0)()
    before = looks.model(output)
    if isinstance(fault, int):
        small_disk.fill(fault * 1_000_000)
        assert refused(merge(2.0), small_disk, FULL)
        small_disk.free()
    else:
        small_disk.make_writable(False)
        assert refused(merge(2.0), small_disk, READ_ONLY)
        small_disk.make_writable(True)
    assert looks.model(output) == before
    merge(2.0)()
    assert looks.model(output) not in (before, None)
    count("full disks survived")
