"""The real ms-swift, killed again and again: the same snakemake command goes on each time, and ends the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import looks
import numpy as np
import pytest
from full import FULL, full
from media_files import chat, image, wav, write_jsonl
from project import Project
from small_disk import mounted
from strikes import SAVE_STEPS, WAIT_SECONDS, Run, chain, done, files, trains
from tally import Count

from omnitune import weights

# How a training is ended, one after the other.
KINDS = ("save", "step", "step and damage") if not FULL else (
    *("save", "step", "save", "loading", "step and damage", "save", "step", "save and damage") * 3, "step",
    "stopped", "loader stopped",
)  # fmt: skip
OF_TWO = ("step", "save", "loading", "save", "step")


@pytest.fixture(scope="module")
def project(
    tiny_model: Path, copy_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """Rows of text, pictures and sound; equal experiments, with dropout, so that random states matter."""
    project = copy_project(tmp_path_factory.mktemp("kills"))
    rows: list[dict[str, Any]] = [chat(f"{number} + 1 =", f"{number + 1}") for number in range(40)]
    for number in range(30):
        image(project.path(f"data/{number}.png"))
        rows.append(chat(f"<image>Which, {number}?", f"{number}", images=[f"{number}.png"]))
        wav(project.path(f"data/{number}.wav"))
        rows.append(chat(f"<audio>Who, {number}?", f"{number}", audios=[f"{number}.wav"]))
    write_jsonl(project.path("data/rows.jsonl"), rows)
    two = {"sft": {"processes": 2, "lora": {"dropout": 0}}}
    project.write_config(
        {
            "run": "kills",
            "device": "cpu",
            "model": {"path": str(tiny_model)},
            "media": {"roots": ["data"]},
            "sources": {"rows": {"format": "messages", "path": "data/rows.jsonl"}},
            "split": {"val": 0.1, "test": 0.1},
            "sft": {
                "epochs": full(1.5, 5), "learning_rate": 4e-3, "max_length": 512, "effective_batch": 4,
                "micro_batch": 2, "dataloader_workers": 1, "save_steps": SAVE_STEPS, "eval_steps": 8,
                "logging_steps": 1, "lora": {"dropout": 0.1},
            },
            "resources": {"retries": 0, "stall_minutes": 0.5, "first_step_minutes": WAIT_SECONDS / 60},
            "experiments": {"whole1": {}, "killed1": {}, "full": {}, "whole2": two, "killed2": two},
        }
    )  # fmt: skip
    return project


def same(project: Project, one: Path, other: Path) -> None:
    """Two trainings of several ranks, whose sums need not be made in the same order."""
    losses = [
        [row.get("loss", row.get("eval_loss")) for row in project.rows(f"{folder}/training_log.jsonl")]
        for folder in (one, other)
    ]
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    adapters = [weights.header(folder / "adapter_model.safetensors") for folder in (one, other)]
    for name in adapters[0]:
        values = [np.frombuffer(weights.content(adapter[name]), np.float32) for adapter in adapters]
        np.testing.assert_allclose(*values, atol=1e-5)


# With two ranks tests/e2e/test_processes.py has the one case of `make test`.
@pytest.mark.parametrize("ranks", full([1], [1, 2]))
def test_killed_whenever_it_ends_as_if_it_was_not(
    project: Project, start: Callable[..., Run], ranks: int, count: Count
) -> None:
    """Of one process bit for bit."""
    whole = done(start, project, f"whole{ranks}")
    kinds = KINDS if ranks == 1 else OF_TWO
    assert chain(start, project, f"killed{ranks}", kinds) == len(kinds)
    killed = project.path(f"results/kills/killed{ranks}/sft/model")
    if ranks == 1:
        assert files(killed) == files(whole)
    else:
        same(project, whole, killed)
    count("kills and hangs of real trainers survived", len(kinds))


def test_a_save_that_finds_the_disk_full(project: Project, start: Callable[..., Run], count: Count) -> None:
    """The room that was asked for is taken by another program."""
    whole = files(done(start, project, "whole1"))
    with mounted(project.path("results/kills/full/sft"), 500) as disk:
        run = start(project, "full")
        assert run.wait_for(lambda: looks.newest_sealed(run.work) and trains(run))
        disk.fill(but_for=30_000)
        assert run.end() == 1
        verdict = project.json(run.verdict)
        assert (verdict["code"], verdict["where"]) == (74, "logs/kills/full/train_sft.swift.log"), (
            run.log.read_text()
        )
        assert "free" in verdict["fix"].lower()
        assert looks.newest_sealed(run.work)
        disk.free()
        assert files(done(start, project, "full")) == whole
    count("full disks survived")
