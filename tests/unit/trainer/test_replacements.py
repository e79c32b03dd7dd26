"""The count of replacement prompts that were drawn, in a checkpoint and out of it."""

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from omnitune.trainer import replacements


def trainer(resumed: Path | None = None, prompts: Iterator[int] | None = None) -> Any:
    """A GRPO trainer with dynamic sampling, about to begin."""
    args = SimpleNamespace(resume_from_checkpoint=resumed and str(resumed))
    made = SimpleNamespace(args=args, dynamic_resample_iterator=prompts or count())
    replacements.follow(made)
    return made


def draw(trainer: Any, number: int) -> list[int]:
    return list(islice(trainer.dynamic_resample_iterator, number))


def test_a_resumed_training_draws_on(tmp_path: Path) -> None:
    first = trainer()
    assert draw(first, 3) == [0, 1, 2]
    replacements.save(first, tmp_path)
    second = trainer(tmp_path)
    assert draw(second, 2) == [3, 4]
    replacements.save(second, tmp_path)
    assert draw(trainer(tmp_path), 1) == [5]


def test_nothing_is_drawn_before_it_is_asked_for(tmp_path: Path) -> None:
    def never() -> Iterator[int]:
        pytest.fail("it was asked for")
        yield 0

    replacements.save(trainer(prompts=never()), tmp_path)
    trainer(tmp_path, prompts=never())


def test_a_checkpoint_without_the_count_begins_anew(tmp_path: Path) -> None:
    assert draw(trainer(tmp_path), 1) == [0]


def test_trainings_without_replacements_are_left(tmp_path: Path) -> None:
    other = SimpleNamespace()
    replacements.follow(other)
    replacements.save(other, tmp_path)
    assert not list(tmp_path.iterdir())
