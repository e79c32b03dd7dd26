"""What the page shows of metrics.json: findings, bar charts, the measures, experiments side by side."""

from collections.abc import Sequence
from typing import Any

from omnitune.reporting import charts, words
from omnitune.reporting.inputs import Metrics
from omnitune.scoring.summary import stage_order


def result(identity: str, metrics: Metrics) -> dict[str, Any]:
    """All of one experiment's results; `identity` names its charts on the page."""
    return {
        "stages": stage_order(metrics.stages),
        "final": final(metrics),
        "findings": findings(metrics),
        "charts": [_chart(identity, name, metrics) for name in _names(metrics)],
        "rows": _rows(metrics),
        "notes": metrics.notes,
    }


def final(metrics: Metrics) -> str | None:
    """The stage that leaves the run: the last one that was compared with base."""
    return stage_order(metrics.comparisons)[-1] if metrics.comparisons else None


def findings(metrics: Metrics) -> list[words.Finding]:
    """The judged comparisons of the final stage, by task and metric."""
    compared = metrics.comparisons.get(final(metrics) or "", {})
    return [
        words.judge(task, metrics.kind(name), found)
        for task, named in sorted(compared.items())
        for name, found in sorted(named.items())
    ]


def contest(experiments: Sequence[tuple[str, Metrics | None]]) -> dict[str, Any] | None:
    """The final stages of the experiments against each other; None when nothing was compared."""
    compared = [metrics.comparisons.get(final(metrics) or "", {}) if metrics else {} for _, metrics in experiments]
    keys = sorted({(task, name) for tasks in compared for task, named in tasks.items() for name in named})
    rows = []
    for task, name in keys:
        cells = [tasks.get(task, {}).get(name) for tasks in compared]
        holder = next(metrics for (_, metrics), cell in zip(experiments, cells, strict=True) if metrics and cell)
        kind = holder.kind(name)
        known = [cell.tuned for cell in cells if cell and cell.tuned is not None]
        best = (max if kind.higher_is_better else min)(known) if len(set(known)) > 1 else None
        base = next(cell.base for cell in cells if cell)
        rows.append({"task": task, "kind": kind, "base": base, "cells": cells, "best": best})
    return {"names": [name for name, _ in experiments], "rows": rows} if rows else None


def _names(metrics: Metrics) -> list[str]:
    """The metrics that any task has, those where more is better first."""
    found = {name for tasks in metrics.stages.values() for values in tasks.values() for name in values.metrics}
    return sorted(found, key=lambda name: (not metrics.kind(name).higher_is_better, name))


def _chart(identity: str, name: str, metrics: Metrics) -> dict[str, Any]:
    """The bars of one metric: a group for each task, a bar for each stage."""
    stages = stage_order(metrics.stages)
    holding = {t for tasks in metrics.stages.values() for t, values in tasks.items() if name in values.metrics}
    groups = []
    for task in sorted(holding):
        found = [(stage, metrics.stages[stage].get(task)) for stage in stages]
        bars = [
            charts.Bar(stage, values.metrics[name], values.ci95.get(name))
            for stage, values in found
            if values and name in values.metrics
        ]
        groups.append(charts.Group(task, bars))
    kind = metrics.kind(name)
    title = f"{kind.label}, {'higher' if kind.higher_is_better else 'lower'} is better"
    # Where more is better a value is a share of rows: its axis ends at 1, so that noise looks like noise.
    svg = charts.bars(f"{identity}-{name}", title, groups, stages, 1.0 if kind.higher_is_better else None)
    return {"title": title, "stages": stages, "svg": svg}


def _rows(metrics: Metrics) -> list[dict[str, Any]]:
    """The table of measures: task by metric, and below it the values of each modality."""
    stages = stage_order(metrics.stages)
    compared = metrics.comparisons.get(final(metrics) or "", {})
    rows = []
    for task in sorted({task for tasks in metrics.stages.values() for task in tasks}):
        columns = [metrics.stages[stage].get(task) for stage in stages]
        holder = next(values for values in columns if values)
        for name in sorted(holder.metrics):
            kind = metrics.kind(name)
            found = compared.get(task, {}).get(name)
            rows.append(
                {
                    "label": task,
                    "part": False,
                    "kind": kind,
                    "n": holder.n,
                    "values": [values.metrics.get(name) if values else None for values in columns],
                    "found": found,
                    "verdict": words.judge(task, kind, found).verdict if found else None,
                }
            )
            for modality, part in sorted(holder.modalities.items()):
                parts = [values.modalities.get(modality) if values else None for values in columns]
                values = [values.metrics.get(name) if values else None for values in parts]
                rows.append(
                    {
                        "label": modality,
                        "part": True,
                        "kind": kind,
                        "n": part.n,
                        "values": values,
                        "found": None,
                    }
                )
    return rows
