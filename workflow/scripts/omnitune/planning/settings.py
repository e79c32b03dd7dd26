"""A rule's changed params as lines `key: before -> now`.

Snakemake remembers the values of a rule's params without their names: what was there before is put beside what
is there now by its shape, and where that is not certain nothing is put beside each other.
"""

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# Params whose values say nothing to a person.
_WORDS = {
    "version": "omnitune does this stage otherwise than it did",
    "lock": "envs/swift.lock.txt has changed",
    "content": "the source's file holds something else",
    "reward_files": "a file of the rewards holds something else",
    "rewards": "omnitune rates completions otherwise than it did",
}
_LONGEST = 60


def differences(stage: str, now: Mapping[str, str], before: Iterable[str]) -> list[str]:
    """One line per changed setting.

    Args:
        stage: what the keys inside of the param `settings` belong to.
        now: name -> value of the params that were not there before, as Python source.
        before: values that are there no more, as Python source.
    """
    left = [_value(text) for text in sorted(before)]
    lines: list[str] = []
    plain: dict[str, Any] = {}
    for name, text in now.items():
        value = _value(text)
        if isinstance(value, dict) and (old := _alike(value, left)) is not None:
            left.remove(old)
            lines += _lines(stage if name == "settings" else name, old, value)
        elif name in _WORDS:
            lines.append(_WORDS[name])
            same_kind = [old for old in left if type(old) is type(value) and _size(old) == _size(value)]
            if len(same_kind) == 1:
                left.remove(same_kind[0])
        else:
            plain[name] = value
    if len(plain) == len(left) == 1:
        [(name, value)] = plain.items()
        lines.append(f"{name}: {_short(left[0])} -> {_short(value)}")
    elif plain:
        told = ", ".join(f"{name}: {_short(value)}" for name, value in plain.items())
        lines.append(f"{told} (before: {', '.join(map(_short, left)) or 'not set'})")
    return lines or [f"a setting is gone: {', '.join(map(_short, left))}"]


def _value(text: str) -> Any:
    """A param's value; JSON is read, and a list of named things becomes a map."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {item["name"]: {key: item[key] for key in item if key != "name"} for item in value}
    return value


def _alike(value: Mapping[str, Any], values: Iterable[Any]) -> dict[str, Any] | None:
    """The map that shares most keys with `value`; None when none shares any."""
    maps = [other for other in values if isinstance(other, dict) and value.keys() & other.keys()]
    return max(maps, key=lambda other: len(value.keys() & other.keys()), default=None)


def _lines(prefix: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys([*before, *now]):
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _lines(f"{prefix}.{key}", old, new)
        elif key not in before:
            yield f"{prefix}.{key}: new" + ("" if isinstance(new, dict) else f", {_short(new)}")
        elif key not in now:
            yield f"{prefix}.{key}: gone"
        else:
            yield f"{prefix}.{key}: {_short(old)} -> {_short(new)}"


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str) else 0


def _short(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = " ".join(value) or "nothing"
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
