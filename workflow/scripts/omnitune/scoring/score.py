"""Predictions of the stages -> metrics.json: values per task and modality, and what tuning changed."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from omnitune.scoring import VERSION, predictions, resample
from omnitune.scoring.counts import Counts
from omnitune.scoring.metrics import METRICS, of_task
from omnitune.scoring.predictions import Prediction

BASE = "base"
DIGITS = 6


def score(files: dict[str, Path], tasks: dict[str, list[str]]) -> dict[str, Any]:
    """The content of metrics.json.

    Args:
        files: predictions of each stage, by the stage's name; `base` is what the others are compared with.
        tasks: metric names of each task; `default` serves the tasks that are not named.
    """
    rows = {stage: {row.id: row for row in predictions.read(path)} for stage, path in files.items()}
    # One order of rows in all stages makes pairs; the reference stage's order is as good as any.
    reference = BASE if BASE in rows else next(iter(rows))
    for stage, path in files.items():
        if stage != reference:
            predictions.check_same_rows(rows[reference], files[reference], rows[stage], path)
    scored, unscored = _by_task(rows[reference])
    counts: dict[str, dict[str, dict[str, Counts]]] = {stage: {} for stage in files}
    notes: list[str] = []
    for task, ids in scored.items():
        for name in of_task(task, tasks, str(files[reference])):
            for stage in files:
                picked = [rows[stage][key] for key in ids]
                found = METRICS[name].measure([r.prediction for r in picked], [r.reference or "" for r in picked])
                counts[stage].setdefault(task, {})[name] = found
                notes += [f"{stage}, {task}: {note}." for note in found.notes]
    for task, number in unscored.items():
        notes.append(f"{task}: {number} rows have no reference answer and are not scored.")
    modalities = {task: _by_modality(rows[reference], ids) for task, ids in scored.items()}
    return {
        "version": VERSION,
        "metrics": {
            name: {"label": METRICS[name].label, "higher_is_better": METRICS[name].higher_is_better}
            for task in scored
            for name in of_task(task, tasks, "")
        },
        "stages": {
            stage: {task: _values(named, modalities[task]) for task, named in by_task.items()}
            for stage, by_task in counts.items()
        },
        "comparisons": {
            stage: {
                task: {name: _compare(name, counts[BASE][task][name], tuned) for name, tuned in named.items()}
                for task, named in by_task.items()
            }
            for stage, by_task in counts.items()
            if BASE in counts and stage != BASE
        },
        "unscored": dict.fromkeys(files, unscored) if unscored else {},
        "notes": notes,
    }


def _by_task(rows: dict[str, Prediction]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Ids of the rows with a reference by task, and the number of rows without one by task."""
    scored: dict[str, list[str]] = defaultdict(list)
    unscored: dict[str, int] = defaultdict(int)
    for key, row in rows.items():
        if row.reference is None:
            unscored[row.task] += 1
        else:
            scored[row.task].append(key)
    return dict(sorted(scored.items())), dict(sorted(unscored.items()))


def _by_modality(rows: dict[str, Prediction], ids: list[str]) -> dict[str, list[int]]:
    """Positions in `ids` by modality; empty when there is only one."""
    found: dict[str, list[int]] = defaultdict(list)
    for position, key in enumerate(ids):
        found[rows[key].modality].append(position)
    return dict(found) if len(found) > 1 else {}


def _values(named: dict[str, Counts], modalities: dict[str, list[int]]) -> dict[str, Any]:
    """The metrics of one task of one stage, with their intervals; again for each modality."""
    values: dict[str, Any] = {name: _round(counts.value()) for name, counts in named.items()}
    values["n"] = len(next(iter(named.values())).amount)
    values["ci95"] = {name: _round_all(resample.value_interval(counts)) for name, counts in named.items()}
    if modalities:
        values["modalities"] = {
            modality: _values({name: counts.pick(positions) for name, counts in named.items()}, {})
            for modality, positions in modalities.items()
        }
    return values


def _compare(name: str, base: Counts, tuned: Counts) -> dict[str, Any]:
    """Base against tuned on the same rows."""
    before, after = base.value(), tuned.value()
    # The weights are the references' and equal in both, so the amounts alone say which answer is better.
    more = sum(b < t for b, t in zip(base.amount, tuned.amount, strict=True))
    fewer = sum(b > t for b, t in zip(base.amount, tuned.amount, strict=True))
    higher = METRICS[name].higher_is_better
    return {
        "base": _round(before),
        "tuned": _round(after),
        "change": None if before is None or after is None else _round(after - before),
        "ci95": _round_all(resample.change_interval(base, tuned)),
        "n": len(base.amount),
        "improved": more if higher else fewer,
        "worsened": fewer if higher else more,
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS) + 0.0


def _round_all(values: list[float] | None) -> list[float] | None:
    return None if values is None else [round(value, DIGITS) + 0.0 for value in values]
