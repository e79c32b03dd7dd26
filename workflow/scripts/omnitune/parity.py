"""The merge, proved: whether the final model answers as base and adapter (or the trained weights) do.

The merge is arithmetic on files; what counts is what a loaded model says. Both sides answer the same rows
greedily, one model in memory at a time.
"""

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnitune import adapter, base_model, gpus, greedy, runkey, supervisor, swift_process, work_lease
from omnitune.errors import ExitCode, PipelineError
from omnitune.greedy import Answer
from omnitune.media.present import refuse_missing
from omnitune.publish import MANIFEST, write_json
from omnitune.records import Record, read_records
from omnitune.supervisor import Limits

if TYPE_CHECKING:
    import numpy as np

VERSION = 1
TOKENS = 16
SIDES = ("apart", "merged")
# Largest difference of the logits of a step, by root mean square, over their own spread. Merged weights are
# rounded once where base and adapter are rounded apart: in bfloat16 a right merge shows up to 3 % (docs/design.md,
# section 1).
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.05}
# So many rows are looked at to find some of each modality.
_LOOKED_AT = 1000


@dataclass(frozen=True)
class Job:
    """A check as its rule describes it.

    Attributes:
        merged: folder of the final model.
        beneath: folder of what was trained on, with its manifest.
        trained: folder of the adapter or of the trained weights.
        rows: files of rows; the first that holds any is read.
        count: rows that are answered.
        environment: the media contract.
        device: cuda or cpu.
        output: the verdict.
        log: file for ms-swift's output.
        python: interpreter of the swift environment.
        worker: script that answers, run by it.
        gpus: GPUs that a model is spread over; 0 runs on the CPU.
        limits: how long it may say nothing, and take to end.
        echo: descriptor that takes the lines of progress too.
    """

    merged: Path
    beneath: Path
    trained: Path
    rows: Sequence[Path]
    count: int
    environment: dict[str, str]
    device: str
    output: Path
    log: Path
    python: str
    worker: Path
    gpus: int
    limits: Limits = field(default_factory=Limits)
    echo: int | None = None


def check(job: Job, begin: Callable[[str], None] = lambda key: None) -> None:
    """Publish the verdict.

    Args:
        job: the check.
        begin: called with the hash of the run key before the work begins; it may refuse (`verdict.Attempt`).

    Raises:
        PipelineError: the two do not answer alike; what is published then is nothing.
    """
    source, rows = _choose(job.rows, job.count)
    refuse_missing([source])
    key = runkey.of(
        {"ENV": job.environment, "count": job.count, "device": job.device},
        [source, *(folder / MANIFEST for folder in (job.merged, job.beneath, job.trained))],
        version=VERSION,
        packages=swift_process.package_versions(job.python),
    )
    with work_lease.held(job.output) as lock:
        begin(key.hash)
        _check(job, rows, lock)


def _check(job: Job, rows: Sequence[tuple[bytes, Record]], lock: int) -> None:
    dtype = "float32" if job.device == "cpu" else "bfloat16"
    work = job.output.with_name(f".{job.output.stem}")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        write_json(work / "job.json", _told(job, dtype))
        (work / "rows.jsonl").write_bytes(b"".join(row for row, _ in rows))
        with gpus.leased(job.gpus) as lease:
            variables = swift_process.environment(
                job.python, {"ENV": job.environment}, work / "cache", lease.devices
            )
            supervisor.run(
                [job.python, str(job.worker), str(work)],
                env=supervisor.environment(variables),
                log=job.log,
                keep_open=[*lease.descriptors, lock],
                limits=job.limits,
                progress=lambda: _progress(work),
                echo=job.echo,
            )
        apart, merged = (greedy.read(work / f"{side}.npz") for side in SIDES)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    verdict = compare([record for _, record in rows], apart, merged, TOLERANCE[dtype])
    if bad := [row for row in verdict["rows"] if not row["alike"]]:
        error = PipelineError(
            f"it does not answer as what it was merged from: {len(bad)} of {len(rows)} rows differ, first "
            f"{bad[0]['id']} (logits by {bad[0]['difference']:g} of their spread, {TOLERANCE[dtype]:g} allowed)",
            where=str(job.merged),
            fix="Do not use this model. Base and adapter are unharmed (infer.stages: [sft] serves them). Please "
            "report it with versions and log.",
            code=ExitCode.BUG,
        )
        error.hopeless = True  # both sides are greedy
        raise error
    key = json.loads((job.merged / MANIFEST).read_bytes())["run_key"]
    write_json(job.output, {"stage": "merge", "version": VERSION, "dtype": dtype, "model": key, **verdict})
    print(f"{len(rows)} answers of {job.merged} are those of {job.trained} on {job.beneath}.")


def _progress(work: Path) -> str | None:
    """How far the worker is, by the files that it writes."""
    return "the final model is asked" if (work / f"{SIDES[0]}.npz").exists() else None


def _told(job: Job, dtype: str) -> dict[str, Any]:
    """What the worker is told."""
    is_adapter = (job.trained / adapter.WEIGHTS).exists()
    apart = {
        "model": str(base_model.folder_of(job.beneath) if is_adapter else job.trained),
        "adapter": str(job.trained) if is_adapter else None,
    }
    settings = {"dtype": dtype, "device": "cpu" if job.device == "cpu" else None, "tokens": TOKENS}
    return {"apart": apart, "merged": {"model": str(job.merged), "adapter": None}, **settings}


def answer(work: Path) -> None:
    """The worker: answer the rows of a folder with both sides, one after the other."""
    told = json.loads((work / "job.json").read_bytes())
    rows = list(read_records(work / "rows.jsonl"))
    settings = {name: told[name] for name in ("dtype", "device", "tokens")}
    for side in SIDES:
        greedy.write(work / f"{side}.npz", greedy.answers(**told[side], rows=rows, **settings))


def compare(
    rows: Sequence[Record], apart: Sequence[Answer], merged: Sequence[Answer], tolerance: float
) -> dict[str, Any]:
    """The verdict on each row.

    It is alike when the logits agree and the answers are equal, or part where two words are equally likely.
    """
    found: list[dict[str, Any]] = []
    for record, one, other in zip(rows, apart, merged, strict=True):
        difference, parted = _differ(one, other)
        alike = difference <= tolerance and (parted is None or _tied(one, other, parted, tolerance))
        found.append(
            {
                "id": record.id,
                "modality": record.modality(),
                "tokens": len(one[0]),
                "equal": parted is None,
                "difference": float(f"{difference:.3g}") if math.isfinite(difference) else 1e30,
                "alike": alike,
            }
        )
    largest = max((row["difference"] for row in found), default=0.0)
    return {"rows": found, "largest_difference": largest, "tolerance": tolerance}


def _differ(one: Answer, other: Answer) -> tuple[float, int | None]:
    """The largest difference of the logits up to where the answers part, and that step; None when they do not.

    After it the two answer different questions.
    """
    import numpy as np

    tokens, others = one[0], other[0]
    steps = min(len(tokens), len(others))
    parted = next((step for step in range(steps) if tokens[step] != others[step]), None)
    if parted is None and len(tokens) != len(others):
        return math.inf, steps
    until = steps if parted is None else parted + 1
    worst = 0.0
    for mine, its in zip(one[1][:until], other[1][:until], strict=True):
        distance = float(np.sqrt(np.mean((mine - its) ** 2))) / _spread(mine)
        worst = max(worst, distance if math.isfinite(distance) else math.inf)
    return worst, parted


def _tied(one: Answer, other: Answer, step: int, tolerance: float) -> bool:
    """Whether the two words at a step were equally likely, as far as the tolerance can tell."""
    logits = one[1][step]
    apart = float(logits[one[0][step]] - logits[other[0][step]])
    return abs(apart) <= 4 * tolerance * _spread(logits)


def _spread(logits: "np.ndarray[Any, Any]") -> float:
    return float(logits.std()) or 1.0


def _choose(files: Sequence[Path], count: int) -> tuple[Path, list[tuple[bytes, Record]]]:
    """The file and some of its rows, of each modality in turn."""
    for path in files:
        if not path.is_file() or not path.stat().st_size:
            continue
        with path.open("rb") as file:
            lines = [line for line, _ in zip(file, range(_LOOKED_AT), strict=False)]
        by_modality: dict[str, list[tuple[bytes, Record]]] = {}
        for line, record in zip(lines, read_records(path), strict=False):
            by_modality.setdefault(record.modality(), []).append((line, record))
        chosen: list[tuple[bytes, Record]] = []
        while len(chosen) < count and any(by_modality.values()):
            chosen += [rows.pop(0) for rows in by_modality.values() if rows]
        return path, chosen[:count]
    raise PipelineError(
        f"none of {', '.join(map(str, files))} holds a row to ask both models",
        fix="Set merge.parity_rows: 0.",
        code=ExitCode.DATA,
    )
