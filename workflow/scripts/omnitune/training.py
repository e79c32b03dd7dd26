"""One training stage: resume or start, run ms-swift, prove that it is complete, publish the model."""

import fcntl
import json
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from omnitune import artifact, checkpoints, gpus, rollout_server, runkey, supervisor, swift_process, weights
from omnitune.errors import ExitCode, PipelineError
from omnitune.media.present import refuse_missing
from omnitune.publish import open_atomic, staging
from omnitune.runkey import RunKey

VERSION = 1
LOG = "training_log.jsonl"
LOGGING = "logging.jsonl"  # ms-swift's own, among the checkpoints
_OF_MACHINE = re.compile(r"time|speed|per_second|memory")
# What belongs to a resumed run, not to a model; training_args.bin is a pickle besides.
_NOT_PUBLISHED = ("optimizer", "scheduler", "rng_state", "training_args", "trainer_state", "global_step", "latest",
                  "zero_to_", "args.json", "README.md", "scaler")  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A training stage as its rule describes it.

    Attributes:
        stage: sft, grpo, or another that trains.
        arguments: the arguments file.
        inputs: files that the result depends on: the rows, the base's manifest.
        output: folder of the published model.
        log: file for ms-swift's output.
        python: interpreter of the swift environment.
        gpus: one process each; 0 trains on the CPU.
        processes: how many share the work.
        server: what samples for it, when that is a process of its own.
    """

    stage: str
    arguments: Mapping[str, Any]
    inputs: Sequence[Path]
    output: Path
    log: Path
    python: str
    gpus: int
    processes: int
    server: rollout_server.Server | None = None

    @property
    def command(self) -> Literal["sft", "rlhf"]:
        """The ms-swift command that the arguments are of."""
        return "rlhf" if "rlhf_type" in self.arguments else "sft"

    @property
    def rows(self) -> list[Path]:
        """JSONL files of the rows; of cached ones those that they were made from."""
        named = [Path(rows) for key in ("dataset", "val_dataset") for rows in self.arguments.get(key, [])]
        return named or [path for path in self.inputs if path.suffix == ".jsonl"]

    @property
    def work(self) -> Path:
        """Folder of the checkpoints."""
        return Path(self.arguments["output_dir"])


def train(job: Job) -> None:
    """Bring the stage's model into being, whatever is there already.

    Raises:
        PipelineError: with the exit code of DESIGN: interrupted, killed, out of memory, not finite, ...
    """
    packages = swift_process.package_versions(job.python)
    key = runkey.of(job.arguments, job.inputs, version=VERSION, packages=packages, processes=job.processes)
    if artifact.republish(job.output, key):
        print(f"{job.output} is finished and made from the same inputs: nothing to train.")
        return
    with _only_writer(job.work):
        _choose_work(job.work, key)
        last = _sound(job.work)
        if last is None or not last.is_final:
            _run(job, last)
            last = _sound(job.work)
        _publish(job, key, _proved(last, job), packages)


@contextmanager
def _only_writer(work: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel frees it when we die."""
    work.parent.mkdir(parents=True, exist_ok=True)
    with (work.parent / f".{work.name}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise PipelineError(
                f"another process trains here ({lock.read().strip() or 'unknown'})",
                where=str(work),
                fix="Wait for it or end it, then run the same command again.",
                code=ExitCode.BUSY,
            ) from None
        lock.truncate(0)
        lock.write(f"pid {os.getpid()} on {os.uname().nodename}\n")
        lock.flush()
        yield


def _choose_work(work: Path, key: RunKey) -> None:
    """Make `work` the folder of this key: kept, fetched back, or fresh with the other one put aside."""
    found = runkey.read(work)
    if found and found.hash == key.hash:
        return
    mine = work.with_name(f"{work.name}-{key.hash[:8]}")
    if work.exists():
        if found:
            print("These settings are not those of the checkpoints here, so training starts afresh:")
            print("\n".join(f"  {line}" for line in found.difference(key)))
        aside = work.with_name(f"{work.name}-{found.hash[:8] if found else 'unknown'}")
        # One earlier run is kept, so that a setting changed by mistake and back costs nothing.
        for old in work.parent.glob(f"{work.name}-????????"):
            if old != mine:
                shutil.rmtree(old)
        shutil.rmtree(aside, ignore_errors=True)
        work.rename(aside)
        print(f"The earlier checkpoints are in {aside}.")
    if mine.exists():
        mine.rename(work)
    work.mkdir(exist_ok=True)
    key.write(work)


def _sound(work: Path) -> checkpoints.Checkpoint | None:
    last, put_aside = checkpoints.newest_sound(work)
    for line in put_aside:
        print(line)
    return last


def _run(job: Job, last: checkpoints.Checkpoint | None) -> None:
    refuse_missing(job.rows)
    if job.arguments.get("use_vllm") == "true":
        swift_process.require_vllm(job.python)
    extra = []
    if last:
        print(f"Resuming from step {last.step} of {last.max_steps}.")
        extra = ["--resume_from_checkpoint", str(last.folder)]
    log = job.work / LOGGING

    def progress() -> str | None:
        return _progress(log)

    with (
        gpus.leased(job.gpus + (job.server.gpus if job.server else 0)) as lease,
        rollout_server.running(
            job.server, python=job.python, devices=lease.after(job.gpus), cache=job.work / "cache" / "rollout"
        ) as server,
    ):
        supervisor.run(
            swift_process.command(
                job.python,
                job.command,
                job.arguments,
                processes=job.processes,
                extra=[*extra, *(job.server.flags if job.server else [])],
            ),
            env=supervisor.environment(
                swift_process.environment(job.python, job.arguments, job.work / "cache", lease.first(job.gpus))
            ),
            log=job.log,
            keep_open=lease.descriptors,
            progress=server.watching(progress) if server else progress,
            progress_seconds=rollout_server.WATCH_SECONDS if server else 30,
        )


def _progress(log: Path) -> str | None:
    """`step 40/180  loss 1.234  4.1 s/it`, from the newest training line; None before the first."""
    records = [record for record in read_log(log) if "loss" in record] if log.is_file() else []
    if not records:
        return None
    last = records[-1]
    return f"step {last['global_step/max_steps']}  loss {last['loss']}  left {last.get('remaining_time', '?')}"


def read_log(path: Path) -> list[dict[str, Any]]:
    """ms-swift's log lines in step order, training before evaluation.

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


def _proved(last: checkpoints.Checkpoint | None, job: Job) -> checkpoints.Checkpoint:
    """The final checkpoint, if it is one: ms-swift's exit code alone proves nothing."""
    if last is None or not last.is_final:
        step = f"step {last.step} of {last.max_steps}" if last else "no checkpoint"
        raise PipelineError(
            f"ms-swift ended without an error but the training is not complete ({step})",
            where=str(job.log),
            fix="Run the same command again: it goes on from there.",
            code=ExitCode.INTERRUPTED,
        )
    for record in read_log(job.work / LOGGING):
        value = record.get("loss", record.get("eval_loss"))
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise _not_finite(f"the loss at step {record['global_step/max_steps']} is {value}", job)
    for path in _weight_files(last.folder):
        if name := weights.first_not_finite(path):
            raise _not_finite(f"{name} in {path.name} holds NaN or infinity", job)
    return last


def _not_finite(what: str, job: Job) -> PipelineError:
    return PipelineError(
        what, where=str(job.work), fix="Lower sft.learning_rate or look at the rows; nothing was published.",
        code=ExitCode.NOT_FINITE,
    )  # fmt: skip


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _publish(job: Job, key: RunKey, last: checkpoints.Checkpoint, packages: Mapping[str, str]) -> None:
    log = read_log(job.work / LOGGING)
    losses = [record["loss"] for record in log if "loss" in record]
    facts = {
        "stage": job.stage,
        "version": VERSION,
        "tuner": job.arguments["tuner_type"],
        "base": job.arguments["model"],
        "global_step": last.step,
        "max_steps": last.max_steps,
        # Over the logged steps: equal after a resume where logging_steps divides save_steps, as in the recipes.
        "train_loss": round(sum(losses) / len(losses), 6) if losses else None,
        **_parameter_counts(job.work / LOGGING),
        "settings": {
            name: value for name, value in job.arguments.items() if name not in ("ENV", "target_modules")
        },
        "versions": dict(packages),
    }
    with staging(job.output) as folder:
        for path in sorted(last.folder.iterdir()):
            if path.is_file() and not path.name.startswith(_NOT_PUBLISHED):
                _copy(path, folder / path.name, job.arguments["model"])
        with open_atomic(folder / LOG) as file:
            for record in log:
                # Times and speeds belong to the machine, not to the model.
                kept = {name: value for name, value in record.items() if not _OF_MACHINE.search(name)}
                file.write(json.dumps(kept, ensure_ascii=False).encode() + b"\n")
        artifact.publish(folder, job.output, key, facts)
    print(f"{job.output}: {last.step} steps, mean loss {facts['train_loss']}.")


def _copy(source: Path, target: Path, base: str) -> None:
    if source.name == "adapter_config.json":
        # peft notes the absolute path of the base; ours is where the run's base is, seen from the project.
        config = json.loads(source.read_bytes()) | {"base_model_name_or_path": base}
        target.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    elif source.name.endswith(".safetensors"):
        try:
            os.link(source, target)  # the same bytes, no second copy of 60 GB
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(source, target)
    else:
        shutil.copyfile(source, target)


def _parameter_counts(log: Path) -> dict[str, int]:
    """Parameters, trainable and in all, as ms-swift counts them in the last line of its log (to the hundred)."""
    for line in reversed(log.read_bytes().splitlines()):
        if b"model_parameter_info" in line:
            text = json.loads(line)["model_parameter_info"]
            if found := re.search(r"([\d.]+)M Params \(([\d.]+)M Trainable", text):
                total, trainable = (round(float(number) * 1e6) for number in found.groups())
                return {"total_parameters": total, "trainable_parameters": trainable}
    return {}
