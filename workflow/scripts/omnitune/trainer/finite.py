"""NaN and infinity end a training at the step where they appear, before they reach the weights.

Left to itself, transformers logs 0.0 in the place of a NaN loss, and ms-swift skips a step whose gradients are NaN
(but not one where they are infinite): the run ends with exit code 0. DeepSpeed skips such a step and tells of
a gradient norm of infinity; in bfloat16 it takes the step and tells of -1.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from omnitune.trainer import rows_of_step

_TOLD = 5


class NotFiniteError(ArithmeticError):
    """A loss, gradient or weight is NaN or infinite; its name in the log tells the launcher so."""


def guard(trainer: Any) -> None:
    """Make a trainer refuse a loss, of each forward pass, and a gradient norm that are not finite."""
    training_step = trainer.training_step
    clip = trainer.accelerator.clip_grad_norm_

    def checked_step(*args: Any, **kwargs: Any) -> Any:
        loss = training_step(*args, **kwargs)
        require(loss, "the loss", trainer.state.global_step + 1, lambda: _rows(trainer))
        return loss

    def checked_clip(*args: Any, **kwargs: Any) -> Any:
        norm = clip(*args, **kwargs)
        if norm is not None:
            # DeepSpeed masks one that is not finite as -1, and in bfloat16 it has taken the step by then.
            value = math.nan if -math.inf < norm < 0 else norm
            require(value, "the gradient norm", trainer.state.global_step + 1, lambda: _rows(trainer))
        return norm

    trainer.training_step = checked_step
    trainer.accelerator.clip_grad_norm_ = checked_clip
    # It asks the GPU for each loss, to hide what has just been refused.
    trainer.args.logging_nan_inf_filter = False


def require(value: Any, what: str, step: int, rows: Callable[[], str] = str) -> None:
    """Raise when a number, or a tensor of one, is not finite.

    Args:
        rows: what is said of the rows that it was made from.

    Raises:
        NotFiniteError: naming what it is and the step.
    """
    number = float(value)
    if not math.isfinite(number):
        raise NotFiniteError(f"{what} at step {step} is {number}{rows()}")


def _rows(trainer: Any) -> str:
    """The rows of the step at work; all are printed, and the first are told."""
    with suppress(Exception):  # what it looks at is ms-swift's own, and the error must be told whatever that is
        if ids := rows_of_step.ids(trainer):
            rank, step = trainer.args.process_index, trainer.state.global_step + 1
            print(f"Rows of step {step} in process {rank}: {' '.join(ids)}", flush=True)
            more = f" and {len(ids) - _TOLD} more, which the log names" if len(ids) > _TOLD else ""
            return f"; process {rank} read {', '.join(ids[:_TOLD])}{more}"
    return ""


def require_weights(model: Any, step: int) -> None:
    """Raise when a weight that is trained is not finite, so that no checkpoint of it is made.

    Under ZeRO-3 each process looks at its own share.
    """
    for name, weight in model.named_parameters():
        if weight.requires_grad and not getattr(weight, "ds_tensor", weight).isfinite().all():
            raise NotFiniteError(f"the weight {name} at step {step} holds NaN or infinity")
