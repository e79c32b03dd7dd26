"""A resumed GRPO reads the prompts in the order of the epoch in which it was.

trl's sampler draws the order of an epoch from a generator that the epochs before it have moved on. A resumed
training makes a new one, which would give the order of the first epoch again.
"""

from typing import Any


def follow(trainer: Any, loader: Any) -> None:
    """Let the sampler of a trainer that is about to begin draw what it drew for the epochs that are over.

    Args:
        trainer: of ms-swift; other trainings than GRPO order their rows by the number of the epoch.
        loader: its rows, as accelerate made it.
    """
    if not hasattr(trainer, "_generate_and_score_completions") or not trainer.state.epoch:
        return
    import torch

    sampler = loader.batch_sampler
    while hasattr(sampler, "batch_sampler"):  # accelerate's hull, with several processes
        sampler = sampler.batch_sampler
    sampler = sampler.sampler
    if sampler.shuffle:
        for _ in range(int(trainer.state.epoch)):
            torch.randperm(sampler.num_samples, generator=sampler.generator)
