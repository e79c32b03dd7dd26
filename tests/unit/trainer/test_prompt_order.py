"""A resumed GRPO has its prompts in the order that it would have had, by trl's sampler and accelerate's loader."""

import math
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


class Loader(list[int]):
    """Only as long as one that is in order of its own."""

    def __init__(self, length: int) -> None:
        super().__init__(range(length))
        self.batch_sampler = SimpleNamespace(sampler=SimpleNamespace(shuffle=False))


def epochs(rows: Any, count: int) -> list[list[int]]:
    return [[number for batch in rows for number in batch.tolist()] for _ in range(count)]


def trainer(epoch: float | None, step: int = 0) -> Any:
    return SimpleNamespace(
        state=SimpleNamespace(epoch=epoch, global_step=step),
        args=SimpleNamespace(gradient_accumulation_steps=2, ignore_data_skip=False),
        _generate_and_score_completions=print,
    )  # fmt: skip


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


class Sampling:
    """A trainer whose completions last for four passes; it remembers for which prompt each was used."""

    def __init__(self, passes: int = 1, step: int = 0, **more: bool) -> None:
        from swift.rlhf_trainers import GRPOTrainer

        self.state = SimpleNamespace(epoch=step / math.ceil(PROMPTS / passes), global_step=step)
        self.args = SimpleNamespace(
            gradient_accumulation_steps=passes, steps_per_generation=4, report_to=[],
            **{"ignore_data_skip": False, **more},
        )  # fmt: skip
        self.template = SimpleNamespace(sequence_parallel_size=1)
        self.model = SimpleNamespace(training=True)
        self.num_iterations, self._step, self._buffered_inputs = 1, 0, None
        self._prepare = GRPOTrainer._prepare_inputs

    def _generate_and_score_completions(self, prompt: int) -> list[tuple[int, int]]:
        return [(prompt, part) for part in range(4)]

    def train(self, prompts: list[int]) -> list[tuple[int, int]]:
        used = []
        for prompt in prompts:
            used.append(self._prepare(self, prompt))
            self._step += 1  # as trl's training step does
        return used


EPOCH = [number for number in range(3) for _ in range(4)]  # as the sampler repeats prompts


# Of five passes a step, an epoch's third has two.
@pytest.mark.parametrize(
    ("passes", "step", "done"), [(2, 1, 2), (2, 3, 6), (2, 6, 12), (2, 9, 18), (5, 2, 10), (5, 4, 17)]
)
def test_completions_that_last_for_steps_stay_with_their_prompts(passes: int, step: int, done: int):
    whole = Sampling().train(EPOCH * 2)
    resumed = Sampling(passes, step)
    prompt_order.follow(resumed, Loader(PROMPTS))
    assert resumed.train((EPOCH * 2)[done:]) == whole[done:]


def test_an_epoch_that_begins_anew_samples_anew():
    resumed = Sampling(2, 9, ignore_data_skip=True)
    prompt_order.follow(resumed, Loader(PROMPTS))
    assert resumed.train(EPOCH) == Sampling().train(EPOCH)


def test_other_trainings_are_left():
    prompt_order.follow(SimpleNamespace(state=SimpleNamespace(epoch=2.0)), loader=None)
