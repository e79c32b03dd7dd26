"""Who is at work in this folder: the lock of a snakemake that lives must not be taken away."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from omnitune import status
from omnitune.duration import duration
from omnitune.errors import ExitCode, PipelineError

# A job on another machine cannot be asked; one that wrote something so lately is taken for alive.
_LATELY_SECONDS = 600


def refuse_at_work() -> None:
    """Do nothing when nobody is at work here.

    Raises:
        PipelineError: names who is.
    """
    if found := [*_snakemakes(), *_jobs()]:
        raise PipelineError(
            f"{found[0]} is at work here",
            where=str(Path.cwd()),
            fix="Wait for it or end it (kill, scancel), then run make unlock again. Jobs of a killed snakemake "
            "end within 5 s on this machine; on a cluster they go on.",
            code=ExitCode.BUSY,
        )


def _snakemakes() -> Iterator[str]:
    import psutil

    here = Path.cwd()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # gone meanwhile, or another user's
            words = process.cmdline()[:3]  # snakemake, python snakemake, python -m snakemake
            named = any(Path(word).name == "snakemake" for word in words)
            if named and Path(process.cwd()) == here and process.status() != psutil.STATUS_ZOMBIE:
                yield f"snakemake (pid {process.pid})"


def _jobs() -> Iterator[str]:
    for run, stages in status.examine().items():
        for stage in stages:
            if stage.state in ("running", "stalled"):
                silent = time.time() - stage.when
                if " on " not in stage.process or silent < _LATELY_SECONDS:
                    yield (
                        f"{stage.name} of {run} (pid {stage.process}, last sign of life {duration(silent)} ago)"
                    )
