"""Answers to the test rows: run ms-swift, join its results to the rows, publish them with the rows' ids."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from omnitune import artifact, gpus, runkey, supervisor, swift_process, work_lease
from omnitune.errors import ExitCode, PipelineError
from omnitune.media.present import refuse_missing
from omnitune.publish import open_atomic, staging
from omnitune.records import Record, encode, read_records
from omnitune.supervisor import Limits

VERSION = 1
PREDICTIONS = "predictions.jsonl"


def infer(
    arguments: Mapping[str, Any],
    inputs: Sequence[Path],
    test: Path,
    output: Path,
    *,
    python: str,
    log: Path,
    devices: int,
    limits: Limits | None = None,
    echo: int | None = None,
    begin: Callable[[str], None] = lambda key: None,
) -> None:
    """Publish one line {id, source, task, modality, prediction, reference} per test row, in the rows' order.

    Args:
        arguments: arguments of `swift infer`; `result_path` is written by ms-swift.
        inputs: manifests of the models that answer.
        test: the rows, as given to ms-swift.
        output: the predictions' file.
        python: interpreter of the swift environment.
        log: file for ms-swift's output.
        devices: GPUs that the model is spread over; 0 runs on the CPU.
        limits: how long it may say nothing, and take to end.
        echo: descriptor that takes the lines of progress too.
        begin: called with the hash of the run key before the work begins; it may refuse (`verdict.Attempt`).
    """
    # The answers are kept in a folder that Snakemake does not know, and shown by a link: it deletes declared
    # files before it runs a rule again, and unchanged answers must not cost a GPU.
    kept = output.with_name(f".{output.stem}")
    packages = swift_process.package_versions(python)
    key = runkey.of(arguments, [*inputs, test], version=VERSION, packages=packages)
    with work_lease.held(output) as lock:
        if artifact.republish(kept, key):
            print(f"{output} is finished and made from the same inputs: nothing to infer.")
        else:
            begin(key.hash)
            refuse_missing([test])
            if arguments.get("infer_backend") == "vllm":
                swift_process.require_vllm(python)
            raw = Path(arguments["result_path"])
            raw.parent.mkdir(parents=True, exist_ok=True)
            raw.unlink(missing_ok=True)  # ms-swift appends to what it finds
            with gpus.leased(devices) as lease:
                supervisor.run(
                    swift_process.command(python, "infer", arguments, processes=1),
                    env=supervisor.environment(
                        swift_process.environment(python, arguments, raw.parent / "cache", lease.devices)
                    ),
                    log=log,
                    keep_open=[*lease.descriptors, lock],
                    limits=limits,
                    progress=lambda: f"{sum(1 for _ in raw.open('rb'))} answers" if raw.exists() else None,
                    echo=echo,
                )
            rows = list(read_records(test))
            with staging(kept) as folder:
                with open_atomic(folder / PREDICTIONS) as file:
                    for line in join(rows, raw):
                        file.write(encode(line))
                artifact.publish(folder, kept, key, {"stage": "infer", "version": VERSION, "rows": len(rows)})
            print(f"{output}: {len(rows)} answers.")
        _show(kept / PREDICTIONS, output)


def join(rows: Sequence[Record], raw: Path) -> list[dict[str, Any]]:
    """ms-swift's results carry no id: they are matched by order, and each is held against its row's answer."""
    try:
        results = [json.loads(line) for line in raw.read_bytes().splitlines()]
    except ValueError:  # on a full disk ms-swift logs the failed write and goes on
        raise _mismatch("a line of the answers is torn", raw) from None
    if len(results) != len(rows):
        raise _mismatch(f"{len(results)} answers for {len(rows)} rows", raw)
    lines = []
    for row, result in zip(rows, results, strict=True):
        label = row.messages[-1].content if row.messages[-1].role == "assistant" else None
        if label is not None and result.get("labels") != label:
            raise _mismatch(f"the answer in the place of {row.id} belongs to another row", raw)
        lines.append(
            {
                "id": row.id,
                "source": row.source,
                "task": row.task,
                "modality": row.modality(),
                "prediction": result["response"],
                "reference": row.answer(),
            }
        )
    return lines


def _mismatch(what: str, raw: Path) -> PipelineError:
    return PipelineError(
        what,
        where=str(raw),
        fix="Nothing was published: look at the log, then run again.",
        code=ExitCode.TRAINER,
    )


def _show(kept: Path, output: Path) -> None:
    temporary = output.with_name(f".{output.name}.link")
    temporary.unlink(missing_ok=True)
    os.link(kept, temporary)
    temporary.rename(output)
