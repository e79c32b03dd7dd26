"""Tells ms-swift the rewards of GRPO: its own, ours, and those of the user's file; an external plugin of ms-swift.

ms-swift calls `orms[name](args=...)` for each name in reward_funcs and expects something callable back.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from swift.rewards import orms

sys.path.insert(0, str(Path(__file__).parent))

from omnitune import rewards

Maker = Callable[..., rewards.Reward]


def register() -> None:
    """Put every reward into ms-swift's table; of equal names the user's wins, then ours."""
    before = dict(orms)
    file = os.environ.get(rewards.FILE_VARIABLE)
    own = rewards.load_file(Path(file)) if file else {}
    # What the file put into the table by itself, as ms-swift's documentation shows it.
    put = {name: maker for name, maker in orms.items() if before.get(name) is not maker}
    made = {**before, **_makers(rewards.REWARDS), **put, **_makers(own)}
    for name, maker in made.items():
        orms[name] = _named(name, maker)


def _makers(found: dict[str, Any]) -> dict[str, Maker]:
    """A class makes a reward of ms-swift's arguments; a plain function is one."""
    return {name: value if isinstance(value, type) else _maker_of(value) for name, value in found.items()}


def _maker_of(reward: rewards.Reward) -> Maker:
    return lambda args=None, **_: reward


def _named(name: str, maker: Maker) -> Maker:
    return lambda args=None, **more: rewards.named(name, maker(args=args, **more))


register()
