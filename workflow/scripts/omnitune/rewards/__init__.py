"""Rewards of GRPO: one pure function a file, `(completions, **columns) -> one float per completion`.

VERSION is what a training on them depends on: raise it when a reward's value would change.
"""

from omnitune.rewards.call import FILE_VARIABLE, OPTIONS_VARIABLE, Reward, RewardError, named
from omnitune.rewards.judge_service import JudgeError
from omnitune.rewards.llm_judge import PATIENCE_VARIABLE
from omnitune.rewards.registry import REWARDS, register
from omnitune.rewards.user_file import load_file, names_in

VERSION = 2
# Of a row without a solution these say 0 whatever the completion is.
NEED_SOLUTION = {"accuracy", "external_r1v_acc", "choice", "asr", "iou"}
# These rate how something is said, not whether it is right.
STYLE = {"format", "json_schema", "length", "repetition", "react_format", "soft_overlong"}
# What ms-swift brings besides; its table is read where it can be, so that a config is checked without it.
SWIFTS = frozenset({"cosine", "math", "react_format", "soft_overlong", "toolbench"})

VERSION_VARIABLE = "OMNITUNE_REWARDS"

__all__ = [
    "FILE_VARIABLE", "NEED_SOLUTION", "OPTIONS_VARIABLE", "PATIENCE_VARIABLE", "REWARDS", "STYLE", "SWIFTS",
    "VERSION", "VERSION_VARIABLE", "JudgeError", "Reward", "RewardError", "load_file", "named", "names_in",
    "register",
]  # fmt: skip
