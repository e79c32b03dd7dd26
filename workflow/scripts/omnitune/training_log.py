"""ms-swift's own log of a training, one JSON line at a time."""

import json
import re
from pathlib import Path
from typing import Any

FILE = "logging.jsonl"  # among the checkpoints


def read(path: Path) -> list[dict[str, Any]]:
    """The lines with a loss in step order, training before evaluation.

    After a resume the file holds the repeated steps twice: the last record of a step counts. A torn last line is
    left out.
    """
    records: dict[tuple[int, bool], dict[str, Any]] = {}
    for line in path.read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
            step = int(record["global_step/max_steps"].split("/")[0])
        except (ValueError, KeyError, TypeError):
            continue
        if "loss" in record or "eval_loss" in record:
            records[step, "eval_loss" in record] = record
    return [records[place] for place in sorted(records)]


def parameter_counts(path: Path) -> dict[str, int]:
    """Parameters, trainable and in all, as ms-swift counts them in the last line of its log (to the hundred)."""
    for line in reversed(path.read_bytes().splitlines()):
        if b"model_parameter_info" in line:
            text = json.loads(line)["model_parameter_info"]
            if found := re.search(r"([\d.]+)M Params \(([\d.]+)M Trainable", text):
                total, trainable = (round(float(number) * 1e6) for number in found.groups())
                return {"total_parameters": total, "trainable_parameters": trainable}
    return {}
