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


class Loader(list[int]):
    """Only as long as one that is in order of its own."""

    def __init__(self, length: int) -> None:
        super().__init__(range(length))
        self.batch_sampler = SimpleNamespace(sampler=SimpleNamespace(shuffle=False))


def epochs(rows: Any, count: int) -> list[list[int]]:
    return [[number for batch in rows for number in batch.tolist()] for _ in range(count)]


def trainer(epoch: float | None, step: int = 0) -> Any:
    return SimpleNamespace(
        state=SimpleNamespace(epoch=epoch, global_step=step), args=SimpleNamespace(gradient_accumulation_steps=2),
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
    """A trainer whose completions last for two steps of two passes; it remembers what it sampled, and for what."""

    def __init__(self, epoch: float, step: int) -> None:
        from swift.rlhf_trainers import GRPOTrainer

        self.state = SimpleNamespace(epoch=epoch, global_step=step)
        self.args = SimpleNamespace(gradient_accumulation_steps=2, steps_per_generation=4, report_to=[])
        self.template = SimpleNamespace(sequence_parallel_size=1)
        self.model = SimpleNamespace(training=True)
        self.num_iterations, self._step, self._buffered_inputs = 1, 0, None
        self.sampled: list[int] = []
        self._prepare = GRPOTrainer._prepare_inputs

    def _generate_and_score_completions(self, prompt: int) -> list[tuple[int, int]]:
        self.sampled.append(prompt)
        return [(prompt, part) for part in range(4)]

    def train(self, prompts: list[int]) -> list[tuple[int, int]]:
        used = []
        for prompt in prompts:
            used.append(self._prepare(self, prompt))
            self._step += 1  # as trl's training step does
        return used


@pytest.mark.parametrize(("epoch", "step"), [(0.5, 3), (0.25, 1), (1.0, 6), (1.5, 9)])
def test_completions_that_last_for_steps_stay_with_their_prompts(epoch: float, step: int):
    prompts = [number for number in range(3) for _ in range(4)]  # of an epoch, as the sampler repeats them
    whole = Sampling(0.0, 0).train(prompts * 2)
    resumed = Sampling(epoch, step)
    prompt_order.follow(resumed, Loader(len(prompts)))
    assert resumed.train((prompts * 2)[2 * step :]) == whole[2 * step :]


def test_other_trainings_are_left():
    prompt_order.follow(SimpleNamespace(state=SimpleNamespace(epoch=2.0)), loader=None)
