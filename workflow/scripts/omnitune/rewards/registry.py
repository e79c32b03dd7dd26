"""Every reward by name, as ms-swift's table holds them: its own, ours, and those of the user's file."""

import json
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from omnitune.errors import PipelineError
from omnitune.rewards.accuracy import accuracy
from omnitune.rewards.asr import asr
from omnitune.rewards.call import FILE_VARIABLE, OPTIONS_VARIABLE, Reward, named, parameters
from omnitune.rewards.choice import choice
from omnitune.rewards.format import format
from omnitune.rewards.iou import iou
from omnitune.rewards.json_schema import json_schema
from omnitune.rewards.length import length
from omnitune.rewards.llm_judge import llm_judge
from omnitune.rewards.repetition import repetition
from omnitune.rewards.user_file import load_file

Maker = Callable[..., Reward]

# The scripts' external_r1v_acc is no part of ms-swift; its meaning is accuracy's.
REWARDS: dict[str, Reward] = {
    "format": format, "accuracy": accuracy, "external_r1v_acc": accuracy, "choice": choice, "asr": asr, "iou": iou,
    "json_schema": json_schema, "length": length, "repetition": repetition, "llm_judge": llm_judge,
}  # fmt: skip


def register(table: MutableMapping[str, Maker], environment: Mapping[str, str]) -> None:
    """Put every reward into ms-swift's table; of equal names the user's wins, then ours.

    Args:
        table: `swift.rewards.orms`; ms-swift calls `table[name](args=...)` and expects something callable back.
        environment: holds what the arguments file says of the user's file and of the options.

    Raises:
        PipelineError: the user's file cannot be imported, or a reward does not take an option.
    """
    before = dict(table)
    file = environment.get(FILE_VARIABLE)
    own = load_file(Path(file)) if file else {}
    # What the file put into the table by itself, as ms-swift's documentation shows it.
    put = {name: maker for name, maker in table.items() if before.get(name) is not maker}
    options = json.loads(environment.get(OPTIONS_VARIABLE, "{}"))
    found: dict[str, tuple[Any, bool]] = {
        **{name: (maker, True) for name, maker in before.items()},
        **{name: (reward, False) for name, reward in REWARDS.items()},
        **{name: (maker, True) for name, maker in put.items()},
        # A class makes a reward of ms-swift's arguments; a plain function is one.
        **{name: (value, isinstance(value, type)) for name, value in own.items()},
    }
    for name, (value, makes) in found.items():
        table[name] = _maker(name, value, makes, options.get(name, {}))


def _maker(name: str, value: Any, makes: bool, options: Mapping[str, Any]) -> Maker:
    if makes:
        return lambda args=None, **more: named(name, value(args=args, **options, **more))
    for option in options:
        if not _takes(value, option):
            raise PipelineError(
                f"the reward does not take {option}",
                where=f"grpo.rewards.{name}.{option}",
                fix=f"Remove it, or give the function an argument {option}.",
            )
    return lambda args=None, **_: named(name, value, options)


def _takes(reward: Reward, option: str) -> bool:
    return any(one.name == option or one.kind is one.VAR_KEYWORD for one in parameters(reward))
