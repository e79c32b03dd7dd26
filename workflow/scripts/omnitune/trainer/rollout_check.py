"""GRPO learns from what the rollout says it sampled: hold the rollout against the trainer.

Before the first step the prompts' tokens, the media settings and the type of numbers must be equal. Completions
must be likelier with their own media than with another row's, which shows in the first step where it has prompts
enough, else in the first ones. How far the log-probabilities of the same tokens go together is measured at every
rollout and logged.
"""

import json
import os
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

from omnitune.publish import write_json
from omnitune.trainer import media_probe
from omnitune.trainer.agreement import (
    FEWEST_PROMPTS,
    LEAST_CORRELATION,
    MANY_PROMPTS,
    Sums,
    likelier_with,
    prompt_mistake,
    setting_mistakes,
)

# Names the arguments file of the server that samples, in the training's environment.
SERVER_VARIABLE = "OMNITUNE_ROLLOUT"
REPORT = "rollout_check.json"
CORRELATION = "rollout/logp_correlation"
GAP = "rollout/logp_gap"
# What looking for the influence of the media may cost a training.
_MOST_SECONDS = 900.0


class RolloutError(RuntimeError):
    """What was sampled is not what would be learned from."""


class RolloutCheck:
    """Watches one GRPO trainer of ms-swift; made when its training begins.

    Args:
        trainer: the trainer; two of its methods are wrapped.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer
        self._prompts: dict[str, list[int]] = {}
        self._gains: dict[str, list[float]] = {}
        self._compared = 0
        self._first = True
        self._low = self._judged = False
        # Prompts at which the media are judged next, and how long looking at them took so far.
        self._next, self._seconds = FEWEST_PROMPTS, 0.0
        self._remember, self._postprocess = trainer._postprocess_rollout_outputs, trainer._postprocess_batch
        trainer._postprocess_rollout_outputs = self._remember_prompts
        trainer._postprocess_batch = self._check_batch

    def check_settings(self) -> None:
        """Hold what the rollout was told against what the trainer was told.

        Raises:
            RolloutError: they differ.
        """
        if not getattr(self._trainer, "use_fast_infer", False):
            return  # the trainer's own model samples
        trained = _dtype(self._trainer.model.dtype)
        if server := os.environ.get(SERVER_VARIABLE):
            told = json.loads(Path(server).read_bytes())
            mistakes = setting_mistakes(told["ENV"], os.environ, told["torch_dtype"], trained)
        else:
            mistakes = setting_mistakes({}, {}, _dtype(self._trainer.engine.engine.model_config.dtype), trained)
        if mistakes:
            raise RolloutError(f"rollout and trainer differ: {'; '.join(mistakes)}.")

    def _remember_prompts(self, samples: Sequence[Any], outputs: Sequence[Any]) -> Any:
        found = self._remember(samples, outputs)
        if self._first and len(found) == len(outputs):  # a dialogue may be cut into several samples
            for sample, output in zip(found, outputs, strict=True):
                self._prompts[sample.request_id] = list(output.response.prompt_token_ids or [])
        return found

    def _check_batch(self, samples: Sequence[Any], batches: Sequence[Any]) -> Any:
        done = self._postprocess(samples, batches)
        sums = self._measure(batches)
        if self._first:
            self._check_prompts(samples)
        # A rollout may hold too few prompts to tell: the first ones are taken together.
        if not self._judged:
            before = len(self._gains)
            self._check_media(samples)
            if self._first or self._judged or len(self._gains) > before:
                self._report(sums)
        self._first = False
        return done

    def _measure(self, batches: Sequence[Any]) -> Sums:
        """Log how far the two agree on this rollout, over all processes."""
        from accelerate.utils import gather_object

        if not getattr(self._trainer, "use_fast_infer", False):
            return Sums()  # the trainer's own model gives no log-probabilities, and would give the same
        local = Sums()
        for batch in (one["grpo_batch"] for one in batches):
            if batch.rollout_per_token_logps is not None:
                mask = batch.completion_mask.bool()
                pair = (batch.rollout_per_token_logps, batch.old_per_token_logps)
                local += Sums.of(*(values[mask].double().tolist() for values in pair))
        sums = sum(gather_object([local]), Sums())
        metrics = self._trainer._metrics["train" if self._trainer.model.training else "eval"]
        correlation = sums.correlation
        if correlation is not None and sums.mean_gap is not None:
            metrics[CORRELATION].append(correlation)
            metrics[GAP].append(sums.mean_gap)
            low = correlation < LEAST_CORRELATION
            if low and not self._low:
                _warn(
                    f"the log-probabilities of rollout and trainer correlate by {correlation:.4f}, less than "
                    f"{LEAST_CORRELATION}: what is sampled is not quite the model that is trained. Look at the "
                    "types of numbers, at the weights that the rollout is sent, and at top_p and top_k, which cut "
                    "its likelihoods off and not the trainer's."
                )
            self._low = low
        return sums

    def _check_prompts(self, samples: Sequence[Any]) -> None:
        for sample in samples:
            prompt = self._prompts.get(sample.request_id)
            encoded = (sample.encoded or {}).get("input_ids")
            turns = [turn if isinstance(turn, list) else [turn] for turn in sample.response_token_ids]
            response = list(chain.from_iterable(turns))
            if not prompt or not encoded or not response:
                continue
            if mistake := prompt_mistake(prompt, list(encoded), response):
                question = next((m["content"] for m in reversed(sample.messages) if m["role"] == "user"), "")
                raise RolloutError(f"{mistake} (prompt {str(question)[:80]!r}).")
            self._compared += 1
        if not self._compared and getattr(self._trainer, "use_fast_infer", False):
            _warn(
                "no prompt of the first rollout came with its tokens: whether they are those that are trained on "
                "is not known."
            )

    def _check_media(self, samples: Sequence[Any]) -> None:
        from accelerate.utils import gather_object

        begun = time.monotonic()
        for prompt, gain in media_probe.differences(self._trainer, samples):
            self._gains.setdefault(prompt, []).append(gain)
        # The same number in all processes: they stop together.
        self._seconds = max(gather_object([self._seconds + time.monotonic() - begun]))
        known, over = len(self._gains), self._seconds > _MOST_SECONDS
        # At every doubling: to look after each rollout would make an accident a verdict sooner or later.
        if known < self._next and not over:
            return
        self._next = min(2 * known, MANY_PROMPTS)
        likelier = likelier_with(self._means())
        self._judged = likelier != "unknown" or over
        if likelier == "other":
            raise RolloutError(
                "the completions are likelier with another row's media than with their own: "
                "the rollout sampled them from other media than they are trained with."
            )
        if likelier == "either":
            _warn(
                "the completions are as likely with another row's media as with their own: the model answers "
                "without looking at its media, or the rollout does not get them."
            )
        elif self._judged and likelier == "unknown":
            _warn(
                f"whether the completions were sampled from their own media is not known after {known} prompts "
                f"and {self._seconds / 60:.0f} minutes; it is not looked for any more."
            )

    def _means(self) -> list[float]:
        return [fmean(gains) for gains in self._gains.values()]

    def _report(self, sums: Sums) -> None:
        """Keep what was found beside the checkpoints."""
        if self._trainer.accelerator.is_main_process:
            means = self._means()
            found = {
                "correlation": sums.correlation,
                "gap": sums.mean_gap,
                "tokens": int(sums.n),
                "prompts": self._compared,
                "media_prompts": len(means),
                "media_gain": fmean(means) if means else None,
                "likelier_with": likelier_with(means),
            }
            write_json(Path(self._trainer.args.output_dir) / REPORT, found)
            _tell(f"rollout and trainer: {json.dumps(found)}")


def watch(trainer: Any) -> RolloutCheck | None:
    """Check the rollouts of a GRPO trainer of ms-swift; of another trainer nothing.

    Raises:
        RolloutError: now, when the settings differ; at the first rollout, when what it sampled does not fit.
    """
    if not hasattr(trainer, "_postprocess_rollout_outputs"):
        return None
    check = RolloutCheck(trainer)
    check.check_settings()
    return check


def _dtype(value: Any) -> str:
    return str(value).removeprefix("torch.")


def _warn(text: str) -> None:
    from swift.utils import get_logger

    get_logger().warning(text)


def _tell(text: str) -> None:
    from swift.utils import get_logger

    get_logger().info(text)
