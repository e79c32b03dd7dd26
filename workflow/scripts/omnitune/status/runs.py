"""The runs of a folder, each with its stages: running, killed, failed, done."""

import time
from collections.abc import Iterator
from pathlib import Path

from omnitune import alive, errors, verdict
from omnitune.status import finished, names, progress
from omnitune.status.stage import Stage

RESULTS, LOGS = Path("results"), Path("logs")


def examine(run: str = "") -> dict[str, list[Stage]]:
    """Run -> its stages in the order of the pipeline; of the named run only, if one is named.

    Raises:
        PipelineError: there is no such run.
    """
    found = {name: stages for name in _names() if (stages := _stages(name))}
    if not run:
        return found
    if run not in found:
        here = f"Runs here: {', '.join(found)}." if found else "Nothing has run here yet."
        raise errors.PipelineError(
            f"RUN: there is no run {run!r}", fix=f"{errors.suggest(run, list(found))} {here}".strip()
        )
    return {run: found[run]}


def _names() -> list[str]:
    folders = [*RESULTS.glob("*"), *LOGS.glob("*")]
    return sorted({path.name for path in folders if path.is_dir() and not path.name.startswith(".")})


def _stages(run: str) -> list[Stage]:
    """What is at work tells more than what has failed, and that more than an earlier result."""
    stages = {(stage.name, stage.of): stage for stage in finished.find(RESULTS / run)}
    for kind in (_told, _failed, _at_work):
        stages |= {(stage.name, stage.of): stage for stage in kind(LOGS / run)}
    return sorted(stages.values(), key=lambda stage: (names.place(stage.name), stage.of))


def _told(logs: Path) -> Iterator[Stage]:
    """Commands whose log ends with their error."""
    for path in sorted(logs.rglob("*.log")):
        if not path.name.endswith(".swift.log") and (reason := verdict.last_error(path)):
            yield Stage(*names.of_log(path, logs), "failed", progress.modified(path), reason=reason)


def _failed(logs: Path) -> Iterator[Stage]:
    for path in sorted(logs.rglob(f"*{verdict.SUFFIX}")):
        told = alive.read(path)
        what, where, fix = (str(told.get(part) or "") for part in ("what", "where", "fix"))
        reason = str(errors.PipelineError(what, where=where, fix=fix)) if what else "its verdict cannot be read"
        yield Stage(*names.of_log(path, logs), "failed", progress.modified(path), reason=reason)


def _at_work(logs: Path) -> Iterator[Stage]:
    for path in sorted(logs.rglob(f"*{alive.SUFFIX}")):
        note = alive.read(path)
        lives, sign, found = alive.alive(note), progress.last_sign(note, path), progress.of_note(note)
        process = f"{note.get('pid', '?')}" + (f" on {note.get('host')}" if lives is None else "")
        silence = progress.silence(note, time.time() - sign, bool(found.get("loss"))) if lives is not False else ""
        yield Stage(
            *names.of_log(path, logs),
            "killed" if lives is False else "stalled" if silence else "running",
            sign,
            process=process if lives is not False else "gone",
            gpus=str(note.get("gpus") or ""),
            reason=silence,
            **found,
        )
