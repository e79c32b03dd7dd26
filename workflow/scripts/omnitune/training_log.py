"""ms-swift's own log of a training, one JSON line at a time."""

import json
from pathlib import Path
from typing import Any

FILE = "logging.jsonl"  # among the checkpoints


def read(path: Path) -> list[dict[str, Any]]:
    """The lines with a loss in step order, training before evaluation.

    After a resume the file holds the repeated steps twice: the last record of a step counts. A torn last line is
    left out.
    """
    records: dict[tuple[int, bool], dict[str, Any]] = {}
    for line in path.read_bytes().split(b"\n") if path.is_file() else ():
        try:
            record = json.loads(line)
            step = int(record["global_step/max_steps"].split("/")[0])
        except (ValueError, KeyError, TypeError):
            continue
        if "loss" in record or "eval_loss" in record:
            records[step, "eval_loss" in record] = record
    return [records[place] for place in sorted(records)]
