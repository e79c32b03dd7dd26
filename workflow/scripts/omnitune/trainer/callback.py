"""The callback that ms-swift calls at each event of a training: beats, stops, refuses, seals, tidies up."""

from pathlib import Path
from typing import Any

from omnitune import runkey, seals
from omnitune.trainer import (
    contract,
    finite,
    kept_base,
    learning_rate,
    prompt_order,
    replacements,
    resumed_weights,
    rollout_check,
    rotation,
)
from omnitune.trainer.heartbeat import Heartbeat, Phase
from omnitune.trainer.stop import StopRequest, agreed

NAME = "omnitune"


class Callback:
    """To be mixed with ms-swift's TrainerCallback, which keeps `trainer` and answers the events not named here."""

    trainer: Any

    def __init__(self, args: Any, trainer: Any) -> None:
        """As ms-swift makes it, before a checkpoint is read."""
        super().__init__(args, trainer)  # type: ignore[call-arg] # of the class that it is mixed with
        resumed_weights.complete(trainer)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Look at the trainer once, and take over what it does worse."""
        self._work = Path(args.output_dir)
        self._heartbeat = Heartbeat(self._work, args.process_index)
        key = runkey.read(self._work)
        self._fingerprint = key.hash if key else ""
        self._beat("begin", state)
        contract.check(self.trainer)
        finite.guard(self.trainer)
        learning_rate.follow(self.trainer)
        prompt_order.follow(self.trainer, kwargs["train_dataloader"])
        kept_base.keep(self.trainer)
        rollout_check.watch(self.trainer)
        self._watch_rollouts()
        self._keep, args.save_total_limit = args.save_total_limit, None
        self._stop = StopRequest(self._work, looks=args.process_index == 0)
        self._stop.listen()
        replacements.follow(self.trainer)  # what reads rows begins when it knows who may end it

    def on_substep_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A forward and backward pass that no optimizer step follows yet."""
        self._beat("train", state)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """An optimizer step; a checkpoint may follow, and will when somebody wants to stop."""
        self._end(args, state, control, kwargs["model"])

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A batch of an evaluation."""
        self._beat("evaluate", state)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """An evaluation; the checkpoint of the same step comes after it."""
        if "eval_loss" in kwargs["metrics"]:
            finite.require(kwargs["metrics"]["eval_loss"], "the loss on val", state.global_step)
        self._end(args, state, control, kwargs["model"])

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A checkpoint: sealed by one process when all have written their part."""
        from torch import distributed

        if distributed.is_available() and distributed.is_initialized():
            distributed.barrier()
        if args.process_index == 0:
            folder = self._work / f"checkpoint-{state.global_step}"
            replacements.save(self.trainer, folder)
            seals.write(
                folder,
                step=state.global_step,
                max_steps=state.max_steps,
                world_size=args.world_size,
                fingerprint=self._fingerprint,
                beat=lambda: self._beat("save", state),
            )
            if self._keep:
                rotation.rotate(self._work, self._keep)
        self._beat("train", state)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The last step, or the one at which it was stopped."""
        self._stop.done()
        self._beat("end", state)

    def _end(self, args: Any, state: Any, control: Any, model: Any) -> None:
        if agreed(self._stop.wanted, args.device):
            control.should_save = control.should_training_stop = True
            self._stop.follow()
        if control.should_save:
            finite.require_weights(model, state.global_step)
        self._beat("save" if control.should_save else "train", state)

    def _watch_rollouts(self) -> None:
        """GRPO samples and rates completions before its steps, for as long as it takes."""
        sample = getattr(self.trainer, "_generate_and_score_completions", None)
        if not sample:
            return

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._beat("rollout", self.trainer.state)
            done = sample(*args, **kwargs)
            self._beat("train", self.trainer.state)
            return done

        self.trainer._generate_and_score_completions = watched

    def _beat(self, phase: Phase, state: Any) -> None:
        self._heartbeat.beat(phase, state.global_step, state.max_steps)
