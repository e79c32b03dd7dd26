"""A resumed GRPO reads the prompts in the order of the epoch in which it was, and samples where it would have.

trl's sampler draws the order of an epoch from a generator that the epochs before it have moved on. A resumed
training makes a new one, which would give the order of the first epoch again. And it counts its passes from 0:
where completions last for several steps (`steps_per_generation`), those of one prompt would be used for another.
"""

import math
from typing import Any


def follow(trainer: Any, loader: Any) -> None:
    """Let the sampler of a trainer that is about to begin draw what it drew for the epochs that are over.

    What was sampled for steps that a checkpoint fell between is sampled anew, for the rest of them.

    Args:
        trainer: of ms-swift; other trainings than GRPO order their rows by the number of the epoch.
        loader: its rows, as accelerate made it.
    """
    if not hasattr(trainer, "_generate_and_score_completions") or not trainer.state.epoch:
        return
    import torch

    epochs, passes = int(trainer.state.epoch), trainer.args.gradient_accumulation_steps
    steps = trainer.state.global_step - epochs * math.ceil(len(loader) / passes)
    trainer._step = epochs * len(loader) + (0 if trainer.args.ignore_data_skip else steps * passes)
    sampler = loader.batch_sampler
    while hasattr(sampler, "batch_sampler"):  # accelerate's hull, with several processes
        sampler = sampler.batch_sampler
    sampler = sampler.sampler
    if sampler.shuffle:
        for _ in range(epochs):
            torch.randperm(sampler.num_samples, generator=sampler.generator)
