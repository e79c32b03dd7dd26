"""The schedule reaches the optimizer that was read from a checkpoint.

Where DeepSpeed offloads the optimizer, accelerate puts one of DeepSpeed's in the place of torch's, and the
schedule goes on writing into torch's. They share their groups until those of a checkpoint are read: then the rate
stays what it was at the checkpoint, while the log shows the schedule's.
"""

from typing import Any


def follow(trainer: Any) -> None:
    """Let the schedule of a trainer that is ready to train write into the optimizer that makes the steps."""
    schedule = getattr(trainer.lr_scheduler, "scheduler", trainer.lr_scheduler)  # accelerate's hull
    schedule.optimizer.param_groups = trainer.optimizer.param_groups
