"""One training stage: resume or start, run ms-swift, prove that it is complete, publish the model."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from omnitune import (
    artifact,
    base_model,
    checkpoint_size,
    checkpoints,
    disk,
    gpus,
    progress,
    remedies,
    rollout_server,
    runkey,
    supervisor,
    swift_process,
    trainable,
    trained_model,
    training_log,
    weights,
    work_folder,
    work_lease,
)
from omnitune.checkpoints import Checkpoint
from omnitune.errors import ExitCode, PipelineError
from omnitune.media.present import refuse_missing
from omnitune.runkey import RunKey
from omnitune.supervisor import Limits
from omnitune.trainer import rotation
from omnitune.trainer.stop import FOLLOWED

VERSION = 3


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
        publish: the model of the last step, or that with the lowest eval_loss among the checkpoints.
        on_oom: when a GPU's memory is used up: end, or go on with smaller forward passes.
        on_not_finite: when a loss, gradient or weight is NaN or infinite: end, or go on from the last checkpoint.
        limits: how long it may give no sign of progress, and take to end.
        echo: descriptor that takes the lines of progress too.
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
    publish: Literal["last", "best"] = "last"
    on_oom: remedies.OnOom = "stop"
    on_not_finite: remedies.OnNotFinite = "stop"
    limits: Limits = field(default_factory=Limits)
    echo: int | None = None

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


def train(job: Job, begin: Callable[[str], None] = lambda key: None) -> None:
    """Bring the stage's model into being, whatever is there already.

    Args:
        job: the stage.
        begin: called with the hash of the run key before the work begins; it may refuse (`verdict.Attempt`).

    Raises:
        PipelineError: with the exit code of DESIGN: interrupted, killed, out of memory, not finite, ...
    """
    packages = swift_process.package_versions(job.python)
    key = runkey.of(job.arguments, job.inputs, version=VERSION, packages=packages, processes=job.processes)
    # Another choice among the same checkpoints is another model, but no other training.
    result = RunKey({**key.parts, "publish": job.publish})
    with work_lease.held(job.work) as lock:
        if artifact.republish(job.output, result):
            print(f"{job.output} is finished and made from the same inputs: nothing to train.")
            return
        begin(key.hash)
        work_folder.choose(job.work, key)
        rotation.sweep(job.work)
        last = _told(checkpoints.newest_sound(job.work, key.hash))
        while last is None or not last.is_final:
            last = _attempt(job, key, last, lock)
        # A kill may have come before the trainer did it.
        rotation.rotate(job.work, int(job.arguments["save_total_limit"]))
        chosen = _proved(_chosen(job, key, last), job)
        _publish(job, result, chosen, packages)


def _attempt(job: Job, key: RunKey, last: Checkpoint | None, lock: int) -> Checkpoint | None:
    """Train on from a checkpoint; the newest one afterwards: the final one, unless a remedy is to be tried."""
    kept = remedies.read(job.work)
    arguments = {**job.arguments, **kept.arguments}
    try:
        _run(job, arguments, last, lock)
    except rollout_server.ServerError:
        raise  # no change to the training helps
    except PipelineError as error:
        more = kept.after(error, arguments, on_oom=job.on_oom, on_not_finite=job.on_not_finite)
        if more is None:
            raise
        more.write(job.work)
        print(f"Trying again: {more.told[-1]}.", flush=True)
        return _told(checkpoints.newest_sound(job.work, key.hash))
    last = _told(checkpoints.newest_sound(job.work, key.hash))
    if last is None or not last.is_final:
        raise _incomplete(job, last)
    return last


def _incomplete(job: Job, last: Checkpoint | None) -> PipelineError:
    """ms-swift's exit code alone proves nothing: who is asked to stop ends with 0 as well."""
    asked = (job.work / FOLLOWED).exists()
    what = "ms-swift ended without an error but the training is not complete"
    if asked:
        what = "it was asked to stop, by a file or a signal to a process of it, and has"
    step = f"step {last.step} of {last.max_steps}" if last else "no checkpoint"
    error = PipelineError(
        f"{what} ({step})",
        where=str(job.log),
        fix="Run the same command again: it goes on from there.",
        code=ExitCode.INTERRUPTED,
    )
    error.hopeless = asked  # the same command is a person's
    return error


def _told(found: tuple[Checkpoint | None, list[str]]) -> Checkpoint | None:
    checkpoint, put_aside = found
    for line in put_aside:
        print(line)
    return checkpoint


def _run(job: Job, arguments: Mapping[str, Any], last: Checkpoint | None, lock: int) -> None:
    refuse_missing(job.rows)
    if arguments.get("use_vllm") == "true":
        swift_process.require_vllm(job.python)
    need = checkpoint_size.still_needed(arguments, job.work)
    disk.require(job.work, need, "its checkpoints", work_folder.spare(job.work))
    extra = []
    if last:
        print(f"Resuming from step {last.step} of {last.max_steps}.", flush=True)
        extra = ["--resume_from_checkpoint", str(last.folder)]
    if job.server:
        extra += job.server.flags
    cache = job.work / "cache"
    with (
        gpus.leased(job.gpus + (job.server.gpus if job.server else 0)) as lease,
        rollout_server.running(
            job.server,
            python=job.python,
            devices=lease.after(job.gpus),
            cache=cache / "rollout",
            keep_open=lease.descriptors,
            first_step=job.limits.first_step,
        ) as check,
    ):
        begun = time.time()
        supervisor.run(
            swift_process.command(job.python, job.command, arguments, processes=job.processes, extra=extra),
            env=supervisor.environment(
                swift_process.environment(job.python, arguments, cache, lease.first(job.gpus))
            ),
            log=job.log,
            stage=job.stage,
            keep_open=[*lease.descriptors, lock],
            work=job.work,
            limits=job.limits,
            progress=lambda: progress.look(job.work, begun).line(),
            echo=job.echo,
            check=check,
        )


def _chosen(job: Job, key: RunKey, last: Checkpoint) -> Checkpoint:
    """The checkpoint to publish of a complete training."""
    if job.publish == "last":
        return last
    if checkpoints.best(checkpoints.sealed(job.work)) == last.folder:
        return last  # and every byte of it was looked at just now
    best = _told(checkpoints.best_sound(job.work, key.hash))
    if best is None:
        print("No checkpoint was evaluated: the last one is published.")
    return best or last


def _proved(chosen: Checkpoint, job: Job) -> Checkpoint:
    """The checkpoint, if all losses and all its weights are finite."""
    for record in training_log.read(job.work / training_log.FILE):
        value = record.get("loss", record.get("eval_loss"))
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise _not_finite(f"the loss at step {record['global_step/max_steps']} is {value}", job)
    for path in sorted(chosen.folder.glob("*.safetensors")):
        if name := weights.first_not_finite(path):
            raise _not_finite(f"{name} in {path.name} holds NaN or infinity", job)
    return chosen


def _not_finite(what: str, job: Job) -> PipelineError:
    return PipelineError(
        what,
        where=str(job.work),
        fix=f"Lower {job.stage}.learning_rate or look at the rows; nothing was published.",
        code=ExitCode.NOT_FINITE,
    )


def _publish(job: Job, key: RunKey, chosen: Checkpoint, packages: Mapping[str, str]) -> None:
    log = training_log.read(job.work / training_log.FILE)
    losses = [record["loss"] for record in log if "loss" in record]
    trained, thinker = trainable.sizes(job.arguments)
    lora = job.arguments["tuner_type"] == "lora"
    facts = {
        "stage": job.stage,
        "version": VERSION,
        "tuner": job.arguments["tuner_type"],
        "base": job.arguments["model"],
        "base_weights": base_model.weights_digest(Path(job.arguments["model"])),
        "global_step": chosen.step,
        "max_steps": chosen.max_steps,
        # Over the logged steps: equal after a resume where logging_steps divides save_steps, as in the recipes.
        "train_loss": round(sum(losses) / len(losses), 6) if losses else None,
        "eval_loss": checkpoints.eval_loss(chosen.folder),
        "remedies": remedies.read(job.work).told,
        "trainable_parameters": trained,
        "total_parameters": thinker + (trained if trained and lora else 0),
        "settings": {
            name: value for name, value in job.arguments.items() if name not in ("ENV", "target_modules")
        },
        "versions": dict(packages),
    }
    trained_model.publish(chosen.folder, job.output, key, facts, log)
    print(f"{job.output}: {chosen.step} steps, mean loss {facts['train_loss']}.")
