"""Rewards of GRPO: one pure function a file, `(completions, **columns) -> one float per completion`.

VERSION is what a training on them depends on: raise it when a reward's value would change.
"""

from omnitune.rewards.accuracy import accuracy
from omnitune.rewards.call import FILE_VARIABLE, Reward, RewardError, named
from omnitune.rewards.format import format
from omnitune.rewards.user_file import load_file

VERSION = 1
REWARDS = {"format": format, "accuracy": accuracy}
# Of a row without a solution these say 0 whatever the completion is.
NEED_SOLUTION = {"accuracy"}

VERSION_VARIABLE = "OMNITUNE_REWARDS"

__all__ = [
    "FILE_VARIABLE", "NEED_SOLUTION", "REWARDS", "VERSION", "VERSION_VARIABLE", "Reward", "RewardError",
    "load_file", "named",
]  # fmt: skip
