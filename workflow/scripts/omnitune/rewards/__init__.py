"""Rewards of GRPO: one pure function a file, `(completions, **columns) -> one float per completion`.

VERSION is what a training on them depends on: raise it when a reward's value would change.
"""

from omnitune.rewards.accuracy import accuracy
from omnitune.rewards.call import FILE_VARIABLE, Reward, RewardError, named
from omnitune.rewards.format import format
from omnitune.rewards.user_file import load_file

VERSION = 1
REWARDS = {"format": format, "accuracy": accuracy}
# What a reward reads of a row besides the completion; without it every reward would be 0.
NEEDS = {"accuracy": "solution"}

VERSION_VARIABLE = "OMNITUNE_REWARDS"

__all__ = [
    "FILE_VARIABLE", "NEEDS", "REWARDS", "VERSION", "VERSION_VARIABLE", "Reward", "RewardError", "load_file",
    "named",
]  # fmt: skip
