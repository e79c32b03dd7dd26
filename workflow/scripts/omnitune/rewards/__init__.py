"""Rewards of GRPO: one pure function a file, `(completions, **columns) -> one float per completion`.

VERSION is what a training on them depends on: raise it when a reward's value would change.
"""

from omnitune.rewards.accuracy import accuracy
from omnitune.rewards.call import FILE_VARIABLE, Reward, RewardError, named
from omnitune.rewards.format import format
from omnitune.rewards.user_file import load_file, names_in

VERSION = 1
# The scripts' external_r1v_acc is no part of ms-swift; its meaning is accuracy's.
REWARDS = {"format": format, "accuracy": accuracy, "external_r1v_acc": accuracy}
# Of a row without a solution these say 0 whatever the completion is.
NEED_SOLUTION = {"accuracy", "external_r1v_acc"}
# What ms-swift brings besides; its table is read where it can be, so that a config is checked without it.
SWIFTS = frozenset({"cosine", "math", "react_format", "repetition", "soft_overlong", "toolbench"})

VERSION_VARIABLE = "OMNITUNE_REWARDS"

__all__ = [
    "FILE_VARIABLE", "NEED_SOLUTION", "REWARDS", "SWIFTS", "VERSION", "VERSION_VARIABLE", "Reward", "RewardError",
    "load_file", "named", "names_in",
]  # fmt: skip
