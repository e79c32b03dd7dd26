"""A resumed GRPO has its prompts in the order that it would have had, by trl's sampler and accelerate's loader."""

from types import SimpleNamespace
from typing import Any

import pytest

from omnitune.trainer import prompt_order

pytestmark = pytest.mark.swift

PROMPTS, EPOCHS = 12, 4


def loader(processes: int, shuffle: bool = True) -> Any:
    """As trl's trainer makes it, for the first of some processes."""
    from accelerate.data_loader import prepare_data_loader
    from torch.utils.data import DataLoader
    from trl.trainer.utils import RepeatSampler

    sampler = RepeatSampler(range(PROMPTS), mini_repeat_count=2, batch_size=4, shuffle=shuffle, seed=42)
    rows = DataLoader(range(PROMPTS), batch_size=4, sampler=sampler)
    return prepare_data_loader(rows, num_processes=processes, process_index=0, put_on_device=False)


def epochs(rows: Any, count: int) -> list[list[int]]:
    return [[number for batch in rows for number in batch.tolist()] for _ in range(count)]


def trainer(epoch: float | None) -> Any:
    return SimpleNamespace(state=SimpleNamespace(epoch=epoch), _generate_and_score_completions=print)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("epoch", [0.5, 1.0, 2.75])
def test_a_resumed_epoch_is_the_one_that_was_left(processes: int, epoch: float):
    whole = epochs(loader(processes), EPOCHS)
    assert len({tuple(order) for order in whole}) == EPOCHS
    resumed = loader(processes)
    prompt_order.follow(trainer(epoch), resumed)
    assert epochs(resumed, EPOCHS - int(epoch)) == whole[int(epoch) :]


@pytest.mark.parametrize("epoch", [None, 0, 3.0])
def test_a_first_start_and_an_order_of_its_own_are_left(epoch: float | None):
    shuffle = not epoch
    resumed = loader(1, shuffle)
    prompt_order.follow(trainer(epoch), resumed)
    assert epochs(resumed, 2) == epochs(loader(1, shuffle), 2)


def test_other_trainings_are_left():
    prompt_order.follow(SimpleNamespace(state=SimpleNamespace(epoch=2.0)), loader=None)
