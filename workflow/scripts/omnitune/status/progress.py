"""How far a running command is, from the files that its note names."""

from pathlib import Path
from typing import Any

from omnitune import progress
from omnitune.duration import duration
from omnitune.progress import modified
from omnitune.supervisor import Limits
from omnitune.trainer import heartbeat
from omnitune.trainer.heartbeat import Beat


def of_note(note: dict[str, Any]) -> dict[str, str]:
    """What is known of the progress of a stage that runs or was killed, by the columns of `Stage`."""
    begun = _begun(note)
    if work := work_of(note):
        return _steps(work, begun)
    if isinstance(answers := note.get("answers"), str) and isinstance(rows := note.get("rows"), str):
        done, total = _lines(Path(answers), begun), _lines(Path(rows))
        return {} if total is None else {"progress": f"{done or 0}/{total} answers"}
    return {}


def last_sign(note: dict[str, Any], path: Path) -> float:
    """When the command last gave a sign that its watchdog counts; its note is the first."""
    work = work_of(note)
    names = ("log", "steps", "answers") if heartbeat.is_quiet(_beats(note)) else ("steps",)
    files = [path, *(Path(file) for name in names if isinstance(file := note.get(name), str))]
    return max(*map(modified, files), heartbeat.last(work) if work else 0.0)


def silence(note: dict[str, Any], seconds: float, stepped: bool) -> str:
    """What to say of a command that has given no sign for half of the time after which it is ended."""
    try:
        limits = Limits(**note["limits"])
        limit = limits.of(_beats(note), stepped=stepped)
        if seconds < limit / 2:
            return ""
    except (KeyError, TypeError):  # it has no watchdog
        return ""
    if seconds < limit:
        return f"no sign of progress for {duration(seconds)}. After {duration(limit)} its watchdog ends it."
    who = f"process {note.get('pid')} on {note.get('host')}"
    return f"no sign of progress for {duration(seconds)}, and its watchdog has not ended it. Look after {who}."


def work_of(note: dict[str, Any]) -> Path | None:
    """The folder of a training's checkpoints."""
    return Path(steps).parent if isinstance(steps := note.get("steps"), str) and "\0" not in steps else None


def _beats(note: dict[str, Any]) -> list[Beat]:
    work = work_of(note)
    return heartbeat.read(work, _begun(note)) if work else []


def _begun(note: dict[str, Any]) -> float:
    return float(begun) if isinstance(begun := note.get("begun"), int | float) else 0.0


def _steps(work: Path, begun: float) -> dict[str, str]:
    """Of this start alone; an earlier one tells where it goes on at most."""
    now = progress.look(work, begun)
    if not now.step:
        before = progress.look(work)
        return {"progress": f"starts (was at {before.step})", "saved": before.saved} if before.step else {}
    found = {"progress": f"{now.step} steps", "loss": now.loss, "speed": now.speed, "left": now.left}
    return found | {"saved": now.saved}


def _lines(path: Path, since: float = 0.0) -> int | None:
    if modified(path) < since:
        return None
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except (OSError, ValueError):
        return None
