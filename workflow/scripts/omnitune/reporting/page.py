"""The report page: inputs in, HTML out. Nothing in it depends on the time, the host or a path."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from omnitune.reporting import results, words
from omnitune.reporting.charts import curve as curve_chart
from omnitune.reporting.inputs import (
    Curve,
    Experiment,
    Final,
    Model,
    Parity,
    Split,
    SplitFile,
    Training,
    read,
    read_curve,
    read_metrics,
)
from omnitune.reporting.on_rewards import on_rewards

TEMPLATE = "page.html.j2"
TABLE_ROWS = 12
FILE_ORDER = ("train", "val", "test", "grpo")
STAGES = ("sft", "grpo")


def render(run: str, split: Split, model: Model, experiments: Sequence[Experiment]) -> str:
    """The whole page."""
    shown = [_experiment(f"e{number}", experiment) for number, experiment in enumerate(experiments)]
    trained = [(t["name"], t["training"]) for e in shown for t in e["trainings"]]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(number=words.number, signed=words.signed, count=words.count)
    return environment.get_template(TEMPLATE).render(
        run=run,
        model=model,
        split=split,
        files=_files(split),
        parts=[name for name in FILE_ORDER if name != "grpo" or any(s.grpo for s in split.sources.values())],
        codes=_codes(split),
        experiments=shown,
        contest=results.contest([(e["name"], e["metrics"]) for e in shown]) if len(shown) > 1 else None,
        settings=_side_by_side([(name, training.settings) for name, training in trained]),
        versions=_side_by_side([(name, training.versions) for name, training in trained]),
        keys=_side_by_side([(e["name"], e["keys"]) for e in shown if e["keys"]]),
    )


def _experiment(identity: str, experiment: Experiment) -> dict[str, Any]:
    """What the template shows of one experiment."""
    metrics = read_metrics(Path(experiment.metrics)) if experiment.metrics else None
    trained = [(stage, getattr(experiment, stage)) for stage in STAGES if getattr(experiment, stage)]
    trainings = [_training(f"{identity}-{stage}", experiment, stage, Path(path)) for stage, path in trained]
    keys = {training["stage"]: training["training"].run_key for training in trainings}
    if experiment.merge:
        keys["merge"] = read(Path(experiment.merge) / "manifest.json", Final).run_key
    return {
        "name": experiment.name,
        "metrics": metrics,
        "result": results.result(identity, metrics) if metrics else None,
        "summary": words.summary(results.findings(metrics) if metrics else []),
        "trainings": trainings,
        "parity": _parity(read(Path(experiment.parity), Parity)) if experiment.parity else None,
        "keys": {stage: key for stage, key in keys.items() if key},
    }


def _parity(found: Parity) -> str:
    """The proof of the merge, in a sentence."""
    equal = sum(row.equal for row in found.rows)
    return (
        f"The merged model was asked {len(found.rows)} rows and gave {equal} answers to the letter as base and "
        f"adapter (or the trained weights) do; logits differ by {found.largest_difference:g} of their spread at "
        f"most ({found.tolerance:g} allowed, {found.dtype})."
    )


def _training(identity: str, experiment: Experiment, stage: str, folder: Path) -> dict[str, Any]:
    """What the template shows of one training of an experiment."""
    curve = read_curve(folder / "training_log.jsonl")
    name = f"{experiment.name} {stage}"
    chart = None
    if curve and (curve.train or curve.evaluation):
        title = f"{curve.what.capitalize()} by step, {name}"
        chart = curve_chart(f"{identity}-curve", title, curve.train, curve.evaluation, curve.what)
    return {
        "stage": stage,
        "name": name,
        "training": read(folder / "manifest.json", Training),
        "curve": curve,
        "curve_chart": chart,
        "curve_rows": _curve_rows(curve) if curve else [],
        "on_rewards": on_rewards(identity, name, folder, experiment.rewards) if stage == "grpo" else None,
    }


def _curve_rows(curve: Curve) -> list[tuple[int, float | None, float | None]]:
    """Some steps of the curve as a table: the evaluated ones when there are enough, evenly chosen."""
    train, evaluation = dict(curve.train), dict(curve.evaluation)
    steps = sorted(evaluation) if len(evaluation) >= 3 else sorted({*train, *evaluation})
    if not steps:
        return []
    last = len(steps) - 1
    chosen = sorted({steps[round(i * last / (TABLE_ROWS - 1))] for i in range(TABLE_ROWS)})
    return [(step, train.get(step), evaluation.get(step)) for step in chosen]


def _files(split: Split) -> list[tuple[str, SplitFile]]:
    """The files of rows by name, in the order of their use; the ledger among them is none."""
    return [(name, split.files[f"{name}.jsonl"]) for name in FILE_ORDER if f"{name}.jsonl" in split.files]


def _codes(split: Split) -> list[tuple[str, str, int]]:
    """(source, code, rows) of everything validation found, the most frequent of a source first."""
    found = [(name, code, n) for name, source in split.sources.items() for code, n in source.codes.items()]
    return sorted(found, key=lambda row: (row[0], -row[2], row[1]))


def _side_by_side(columns: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """One row a key, one column an experiment; `differs` marks the keys whose values are not all the same."""
    rows = []
    for key in sorted({key for _, values in columns for key in values}):
        cells = [words.plain(values[key]) if key in values else "–" for _, values in columns]
        rows.append({"key": key, "cells": cells, "differs": len(set(cells)) > 1})
    return {"names": [name for name, _ in columns], "rows": rows}
