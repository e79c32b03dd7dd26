"""How far a running command is, from files that it writes at this moment."""

import json
import re
from pathlib import Path
from typing import Any

_TAIL_BYTES = 64 * 1024


def of_note(note: dict[str, Any]) -> dict[str, str]:
    """progress, loss and left of a stage that runs or was killed, from what its note watches."""
    begun = begun if isinstance(begun := note.get("begun"), int | float) else 0.0
    if isinstance(steps := note.get("steps"), str):
        return _steps(Path(steps), begun)
    if isinstance(answers := note.get("answers"), str) and isinstance(rows := note.get("rows"), str):
        done, total = _lines(Path(answers), begun), _lines(Path(rows))
        return {} if total is None else {"progress": f"{done or 0}/{total} answers"}
    return {}


def last_sign(note: dict[str, Any], path: Path) -> float:
    """When the command last wrote something, its note included."""
    files = [
        path,
        *(Path(file) for name in ("log", "steps", "answers") if isinstance(file := note.get(name), str)),
    ]
    return max(modified(file) for file in files)


def modified(path: Path) -> float:
    """When a file was written last; 0 when it is not there."""
    try:
        return path.stat().st_mtime
    except (OSError, ValueError):
        return 0.0


def _steps(path: Path, begun: float) -> dict[str, str]:
    """From the newest whole training line; lines of an earlier attempt tell where this one goes on at most."""
    for line in reversed(_tail(path)):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        step = record.get("global_step/max_steps") if isinstance(record, dict) else None
        if not isinstance(step, str) or not re.fullmatch(r"\d+/\d+", step) or "loss" not in record:
            continue
        if modified(path) < begun:
            return {"progress": f"starts (was at {step})"}
        return {"progress": f"{step} steps", "loss": number(record["loss"]), "left": _time(record)}
    return {}


def _time(record: dict[str, Any]) -> str:
    left = record.get("remaining_time")
    return left if isinstance(left, str) else ""


def number(value: Any) -> str:
    """A loss with four digits; empty for what is no number."""
    return f"{value:.4g}" if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _tail(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return file.read().split(b"\n")
    except (OSError, ValueError):
        return []


def _lines(path: Path, since: float = 0.0) -> int | None:
    if modified(path) < since:
        return None
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except (OSError, ValueError):
        return None
