"""metrics.json as a plain table for a terminal."""

import unicodedata
from typing import Any

# The pipeline's order; metrics.json is sorted by name.
STAGES = ("base", "sft", "grpo", "merge")
TEXT_COLUMNS = 3


def stage_order(stages: list[str] | dict[str, Any]) -> list[str]:
    """Stage names in the pipeline's order, unknown ones last."""
    return sorted(stages, key=lambda stage: (STAGES.index(stage) if stage in STAGES else len(STAGES), stage))


def table(metrics: dict[str, Any]) -> str:
    """Fixed-width lines: each task and metric, base -> tuned, the change and its 95 % interval."""
    rows = _compared(metrics) if metrics.get("comparisons") else _single(metrics)
    if not rows[1:]:
        return "No row has a reference answer: nothing was scored.\n"
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        padded = []
        for column, (cell, wanted) in enumerate(zip(row, widths, strict=True)):
            blanks = " " * (wanted - width(cell))
            padded.append(cell + blanks if column < TEXT_COLUMNS else blanks + cell)
        lines.append("  ".join(padded).rstrip())
    lines.insert(1, "-" * max(width(line) for line in lines))
    lines += [f"note: {note}" for note in metrics.get("notes", [])]
    return "\n".join(lines) + "\n"


def _compared(metrics: dict[str, Any]) -> list[list[str]]:
    rows = [["task", "metric", "stage", "n", "base", "tuned", "change", "95 % interval", "better", "worse"]]
    for stage in stage_order(metrics["comparisons"]):
        for task, named in sorted(metrics["comparisons"][stage].items()):
            for name, found in sorted(named.items()):
                rows.append(
                    [
                        task,
                        _metric(name, metrics),
                        stage,
                        str(found["n"]),
                        number(found["base"]),
                        number(found["tuned"]),
                        signed(found["change"]),
                        interval(found["ci95"]),
                        str(found["improved"]),
                        str(found["worsened"]),
                    ]
                )
    return rows


def _single(metrics: dict[str, Any]) -> list[list[str]]:
    rows = [["task", "metric", "stage", "n", "value"]]
    for stage in stage_order(metrics["stages"]):
        for task, values in sorted(metrics["stages"][stage].items()):
            for name in sorted(values["ci95"]):
                rows.append([task, _metric(name, metrics), stage, str(values["n"]), number(values[name])])
    return rows


def _metric(name: str, metrics: dict[str, Any]) -> str:
    """The metric's name, with a word when less is better."""
    higher = metrics.get("metrics", {}).get(name, {}).get("higher_is_better", True)
    return name if higher else f"{name} (lower is better)"


def width(text: str) -> int:
    """Columns that `text` takes in a terminal: Chinese, Japanese and Korean signs take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def number(value: float | None) -> str:
    """A metric for a reader: three decimals, or a dash when it has no value."""
    return "-" if value is None else f"{value:.3f}"


def signed(value: float | None) -> str:
    """A change for a reader, always with its sign."""
    return "-" if value is None else f"{value:+.3f}"


def interval(values: list[float] | None) -> str:
    """An interval for a reader."""
    return "-" if values is None else f"[{values[0]:+.3f}, {values[1]:+.3f}]"
