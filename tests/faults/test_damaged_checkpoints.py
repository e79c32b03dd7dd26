"""A checkpoint that is not what was sealed is found out, put aside, and costs the steps since the one before."""

import random
import shutil
from pathlib import Path

import looks
import pytest
from damage import KINDS
from full import full
from small_job import small_job
from tally import Count

from omnitune.errors import PipelineError
from omnitune.training import train


@pytest.fixture(scope="module")
def killed(fake_python: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """Where a training was killed after step 7, with checkpoints of 3 and 6; what it would have made."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        job = small_job(fake_python)
        train(job)
        whole = looks.model(job.output)
        assert whole
        shutil.rmtree("sft")
        monkeypatch.setenv("OMNITUNE_FAKE", "die@7")
        with pytest.raises(PipelineError, match="was killed"):
            train(job)
    return folder, whole


@pytest.mark.parametrize("number", range(full(30, 240)))
def test_it_is_put_aside_and_the_one_before_resumed(
    killed: tuple[Path, dict[str, bytes]],
    fake_python: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
    count: Count,
) -> None:
    folder, whole = killed
    monkeypatch.chdir(tmp_path)
    job = small_job(fake_python)
    shutil.copytree(folder / "sft", "sft")
    what = KINDS[number % len(KINDS)](job.work / "checkpoint-6", random.Random(number))
    train(job)
    told = capsys.readouterr().out
    assert "checkpoint-6 is not sound (" in told, what
    assert "Resuming from step 3 of 8." in told, what
    assert (job.work / "quarantine/checkpoint-6").is_dir(), what
    assert looks.model(job.output) == whole, what
    count("damaged checkpoints found out")
