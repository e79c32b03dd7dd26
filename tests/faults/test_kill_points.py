"""Killed at named places: in each file of a checkpoint, around its seal, while old ones go, while a model is
published or merged. Nothing half is ever in sight, and the same command ends the same."""

import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import crash
import looks
import pytest
from full import full
from small_job import small_job
from tally import Count
from weight_files import floats, write_safetensors

from omnitune import merging, verdict
from omnitune.errors import PipelineError
from omnitune.training import Job, train

# Those of tests/fakes/swift/cli/sft.py, in their order.
POINTS = (
    "save", "adapter_config.json", "adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth",
    "training_args.bin", "trainer_state.json", "seal", "rename", "rotate", "trash",
)  # fmt: skip
FEW = ("adapter_model.safetensors@4", "trainer_state.json@8", "seal@8", "rename@4", "rotate@4", "trash@8")
ALL = tuple(f"{point}@{step}" for point in POINTS for step in (3, 4, 8))


@pytest.fixture
def job(fake_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Eight steps with a checkpoint at each, of which two stay."""
    monkeypatch.chdir(tmp_path)
    small = small_job(fake_python)
    return replace(small, arguments={**small.arguments, "save_steps": 1, "save_total_limit": 2})


@pytest.fixture(scope="module")
def whole(fake_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an uninterrupted training publishes."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(tmp_path_factory.mktemp("whole"))
        small = small_job(fake_python)
        arguments = {**small.arguments, "save_steps": 1, "save_total_limit": 2}
        train(replace(small, arguments=arguments))
        found = looks.model(small.output)
        assert found
        return found


@pytest.mark.parametrize("point", full(FEW, ALL))
def test_a_kill_in_a_checkpoint_costs_that_checkpoint(
    job: Job, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, point: str, count: Count
) -> None:
    monkeypatch.setenv("OMNITUNE_FAKE", f"die@{point}")
    with pytest.raises(PipelineError, match="was killed"):
        train(job)
    monkeypatch.delenv("OMNITUNE_FAKE")
    name, _, step = point.partition("@")
    sealed = name in ("rotate", "trash")
    assert looks.newest_sealed(job.work) == int(step) - (not sealed)
    assert looks.model(job.output) is None
    train(job)
    assert looks.model(job.output) == whole
    assert sum(path.name.startswith((".trash", "checkpoint-")) for path in job.work.iterdir()) == 2
    count("named places of a checkpoint survived a kill")


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("old", [False, True])
def test_a_kill_while_a_model_is_published_shows_the_old_one_or_none(
    job: Job, whole: dict[str, bytes], tmp_path: Path, old: bool, by: signal.Signals, count: Count
) -> None:
    """Before each touch of the disk from the last step of the trainer on."""
    best = replace(job, publish="best")  # another model of the same checkpoints, to lie there before
    train(best)
    before = looks.model(job.output)
    if not old:
        shutil.rmtree(job.output)

    def work() -> None:
        with verdict.recorded(job.log):
            train(job)

    before = before if old else None
    number = _at_each_touch(work, tmp_path / "sft", job.output, before, whole, of=full(3, 1), by=by)
    count("places of a publishing survived a kill", number)


def _at_each_touch(
    work: Callable[[], object],
    folder: Path,
    output: Path,
    before: dict[str, bytes] | None,
    after: dict[str, bytes],
    *,
    of: int,
    by: signal.Signals = signal.SIGKILL,
) -> int:
    """Kill the work at each `of`th place, look at what is seen, repeat it; how many places these were."""
    start = folder.with_name("start")
    folder.rename(start)

    def from_the_start() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(start, folder)  # with its times: they tell a file that was hashed already

    from_the_start()
    places = range(len(crash.touches(work, folder)))[::of]
    for place in places:
        from_the_start()
        crash.kill(work, folder, place, by)
        seen = looks.model(output)
        assert seen in (before, after, None), place
        work()
        assert looks.model(output) == after, place
        assert {path.name for path in output.parent.glob(f".{output.name}.*")} <= {f".{output.name}.lock"}, place
    return len(places)


@pytest.mark.swift
@pytest.mark.parametrize("old", [False, True])
def test_a_kill_while_a_model_is_merged_shows_the_old_one_or_none(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool, count: Count
) -> None:
    """Before each touch of the disk: copies of the base's files, reads and writes of tensors, the two renames."""
    import torch  # noqa: F401 - each child has it then

    monkeypatch.chdir(tmp_path)
    Path("base.json").write_text('{"base": "base"}')

    def merge(value: float) -> Callable[[], None]:
        """A merge of one changed tensor."""
        name = "thinker.model.norm.weight"
        trained = Path(f"trained{value}")
        write_safetensors(trained / "model.safetensors", {name: floats(*[value] * 64)})
        (trained / "manifest.json").write_text(json.dumps({"base": "base"}))
        return lambda: merging.merge(tiny_model, trained, Path("merge/model"), manifest=Path("base.json"))

    output, models = Path("merge/model"), []
    for value in (1.0, 2.0):
        merge(value)()
        models.append(looks.model(output))
    shutil.rmtree("merge")
    if old:
        merge(1.0)()
    else:
        Path("merge").mkdir()
    number = _at_each_touch(
        merge(2.0), tmp_path / "merge", output, models[0] if old else None, models[1], of=full(15, 1)
    )
    count("places of a merge survived a kill", number)
