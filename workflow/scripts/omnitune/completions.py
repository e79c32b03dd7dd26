"""What a training on rewards sampled: the best and the worst completions by each reward, kept beside the model."""

import heapq
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omnitune.publish import write_json

LOGGED = "completions.jsonl"  # ms-swift's own, among the checkpoints: a line a step, a list a column
FILE = "completions.json"
KEPT = 4
# Of a prompt its end tells more: the question. Of a completion both ends do.
_LONGEST = 2000

Sample = dict[str, Any]


def keep(logged: Path, target: Path, rewards: Sequence[str]) -> None:
    """Write the extremes of every reward as one JSON file.

    Args:
        logged: ms-swift's file; a step that was repeated after a resume is in it twice.
        target: the file to write.
        rewards: names of the rewards.
    """
    best: dict[str, list[tuple[float, int, Sample]]] = {name: [] for name in rewards}
    worst: dict[str, list[tuple[float, int, Sample]]] = {name: [] for name in rewards}
    count = 0
    for sample in samples(logged):
        values = {name: sample[name] for name in rewards if isinstance(sample.get(name), int | float)}
        count += 1
        shown = {"step": int(sample["step"]), "prompt": _end(sample["prompt"]), "rewards": values}
        shown["completion"] = _ends(sample["completion"])
        for name, value in values.items():
            if math.isfinite(value):
                # Of equal ones the latest are kept: they tell what the policy has become.
                _push(best[name], (value, count, shown))
                _push(worst[name], (-value, count, shown))
    kept = {name: {"best": _ordered(best[name]), "worst": _ordered(worst[name])} for name in rewards if best[name]}
    write_json(target, {"sampled": count, "rewards": kept})


def samples(logged: Path) -> Iterator[Sample]:
    """The completions one by one; of a step logged twice the last line counts, a torn last line is left out."""
    last: dict[str, int] = {}
    for number, columns in _lines(logged):
        last[columns["step"][0]] = number
    for number, columns in _lines(logged):
        if last[columns["step"][0]] == number:
            for place in range(min(len(columns[name]) for name in ("step", "prompt", "completion"))):
                yield {name: values[place] for name, values in columns.items() if place < len(values)}


def _lines(logged: Path) -> Iterator[tuple[int, dict[str, list[Any]]]]:
    with logged.open("rb") as file:
        for number, line in enumerate(file):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            columns = {name: values for name, values in found.items() if isinstance(values, list)}
            if columns.get("step"):
                yield number, columns


def _push(heap: list[tuple[float, int, Sample]], item: tuple[float, int, Sample]) -> None:
    # Several completions of one text say the same.
    if any(kept[2]["completion"] == item[2]["completion"] and kept[0] == item[0] for kept in heap):
        return
    if len(heap) < KEPT:
        heapq.heappush(heap, item)
    else:
        heapq.heappushpop(heap, item)


def _ordered(heap: list[tuple[float, int, Sample]]) -> list[Sample]:
    return [sample for _, _, sample in sorted(heap, key=lambda item: item[:2], reverse=True)]


def _end(text: str) -> str:
    return text if len(text) <= _LONGEST else "…" + text[-_LONGEST:]


def _ends(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
