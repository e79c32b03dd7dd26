"""Calling a reward as ms-swift does, with the rows' own columns, and looking at what comes back."""

import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# By these reward_plugin.py is told of the user's reward file, and what the config sets of each reward (JSON).
FILE_VARIABLE = "OMNITUNE_REWARD_FILE"
OPTIONS_VARIABLE = "OMNITUNE_REWARD_OPTIONS"
# The column of grpo.jsonl that holds a row's columns as JSON text: a reader of JSON files would give one type to
# a column of all rows and turn "2026-01-31" into a time.
COLUMNS = "columns"

Reward = Callable[..., Any]


class RewardError(ValueError):
    """A reward returned something that training must not use."""


def named(name: str, reward: Reward, options: Mapping[str, Any] | None = None) -> Reward:
    """`reward` as ms-swift is given it: under its own name in the logs, with columns in and floats out.

    Args:
        name: what the config calls it.
        reward: `(completions, **columns) -> one float per completion`; may be async.
        options: what the config sets of it, given with each call; a column of the same name gives way.
    """
    fixed = dict(options or {})
    needs = [one for one in _needed(reward) if one not in fixed]

    def given(columns: Mapping[str, Any], count: int) -> dict[str, Any]:
        return _as_asked(reward, columns_of(columns) | fixed, count)

    # ms-swift asks a function for its name and whether it is async.
    if inspect.iscoroutinefunction(reward) or inspect.iscoroutinefunction(type(reward).__call__):

        async def call_async(completions: Sequence[str], **columns: Any) -> list[float | None]:
            found = await reward(completions, **given(columns, len(completions)))
            return checked(name, found, len(completions))

        return _labelled(call_async, name, needs)

    def call(completions: Sequence[str], **columns: Any) -> list[float | None]:
        return checked(name, reward(completions, **given(columns, len(completions))), len(completions))

    return _labelled(call, name, needs)


def _labelled(call: Reward, name: str, needs: list[str]) -> Reward:
    call.__name__ = name
    call.needs = needs  # type: ignore[attr-defined]
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


def parameters(reward: Reward) -> list[inspect.Parameter]:
    """What a reward takes, the completions first."""
    try:
        return list(inspect.signature(reward).parameters.values())
    except (TypeError, ValueError):  # a builtin tells nothing: it is given everything
        return [inspect.Parameter("columns", inspect.Parameter.VAR_KEYWORD)]


def _by_name(reward: Reward) -> list[inspect.Parameter]:
    """What it takes besides the completions, each by its name."""
    return [one for one in parameters(reward)[1:] if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]


def _needed(reward: Reward) -> list[str]:
    return [one.name for one in _by_name(reward) if one.default is one.empty]


def _as_asked(reward: Reward, columns: dict[str, Any], count: int) -> dict[str, Any]:
    """The columns that the reward takes; one that it asks for and no row of this batch has is a list of None."""
    missing: dict[str, Any] = {name: [None] * count for name in _needed(reward)}
    if all(one.kind is not one.VAR_KEYWORD for one in parameters(reward)):
        names = {one.name for one in _by_name(reward)}
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
