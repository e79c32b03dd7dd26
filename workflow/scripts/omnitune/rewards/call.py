"""Calling a reward as ms-swift does, with the rows' own columns, and looking at what comes back."""

import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Names the user's reward file to reward_plugin.py.
FILE_VARIABLE = "OMNITUNE_REWARD_FILE"
# The column of grpo.jsonl that holds a row's columns as JSON text: a reader of JSON files would give one type to
# a column of all rows and turn "2026-01-31" into a time.
COLUMNS = "columns"

Reward = Callable[..., Any]


class RewardError(ValueError):
    """A reward returned something that training must not use."""


def named(name: str, reward: Reward) -> Reward:
    """`reward` as ms-swift is given it: under its own name in the logs, with columns in and floats out.

    Args:
        name: what the config calls it.
        reward: `(completions, **columns) -> one float per completion`; may be async.
    """

    def given(columns: Mapping[str, Any], count: int) -> dict[str, Any]:
        return _as_asked(reward, columns_of(columns), count)

    # ms-swift asks a function for its name and whether it is async.
    if inspect.iscoroutinefunction(reward) or inspect.iscoroutinefunction(type(reward).__call__):

        async def call_async(completions: Sequence[str], **columns: Any) -> list[float | None]:
            found = await reward(completions, **given(columns, len(completions)))
            return checked(name, found, len(completions))

        call_async.__name__ = name
        return call_async

    def call(completions: Sequence[str], **columns: Any) -> list[float | None]:
        return checked(name, reward(completions, **given(columns, len(completions))), len(completions))

    call.__name__ = name
    return call


def columns_of(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments of a reward, the rows' own columns unpacked."""
    rest = dict(columns)
    packed = rest.pop(COLUMNS, None)
    if packed is None:
        return rest
    rows = [json.loads(text) if text else {} for text in packed]
    names = dict.fromkeys(name for row in rows for name in row)
    return rest | {name: [row.get(name) for row in rows] for name in names}


def _as_asked(reward: Reward, columns: dict[str, Any], count: int) -> dict[str, Any]:
    """The columns that the reward takes; one that it asks for and no row of this batch has is a list of None."""
    try:
        parameters = list(inspect.signature(reward).parameters.values())
    except (TypeError, ValueError):  # a builtin tells nothing
        return columns
    by_name = [one for one in parameters[1:] if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    missing = {one.name: [None] * count for one in by_name if one.default is one.empty}
    if all(one.kind is not one.VAR_KEYWORD for one in parameters):
        names = {one.name for one in by_name}
        columns = {name: values for name, values in columns.items() if name in names}
    return missing | columns


def checked(name: str, values: Any, count: int) -> list[float | None]:
    """The values as floats, one per completion; None stands for "no opinion", as in ms-swift.

    Raises:
        RewardError: another number of them, or one that is no finite number.
    """
    try:
        found = list(values)
    except TypeError:
        raise RewardError(
            f"reward {name} returned {type(values).__name__}, not a list of floats. "
            "Return one float per completion."
        ) from None
    if len(found) != count:
        raise RewardError(
            f"reward {name} returned {len(found)} values for {count} completions. Return one float per completion."
        )
    floats: list[float | None] = []
    for value in found:
        try:
            number = None if value is None else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if number is not None and not math.isfinite(number):
            raise RewardError(f"reward {name} returned {value!r}. Return a finite number, or None for no opinion.")
        floats.append(number)
    return floats
