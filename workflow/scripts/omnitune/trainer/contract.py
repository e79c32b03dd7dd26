"""Inside the trainer: what really has a gradient against what the settings mean."""

import json
import os
from collections.abc import Iterator
from typing import Any

from omnitune import trainable
from omnitune.errors import PipelineError


class TrainableError(PipelineError):
    """Other parameters would train than the settings say."""


def check(trainer: Any) -> None:
    """Print what trains, and stop a training of anything else than `trainable.VARIABLE` says.

    Without that variable (arguments files of another origin) nothing is asked.

    Args:
        trainer: a transformers Trainer whose model is ready to train.

    Raises:
        TrainableError: with each part that differs.
    """
    contract = os.environ.get(trainable.VARIABLE)
    if contract is None:
        return
    wanted = json.loads(contract)
    real = trainable.found(_with_gradient(trainer.model))
    if trainer.is_world_process_zero():
        print(trainable.table(real), flush=True)
    if differences := trainable.difference(wanted, real):
        raise TrainableError(
            f"other parameters would train than the settings mean ({'; '.join(differences)})",
            fix="Remove flags of the tuner from `swift:` or from the arguments file; else the versions of peft "
            "and transformers are not those of the lock file.",
        )


def _with_gradient(model: Any) -> Iterator[tuple[str, Any]]:
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            # Under ZeRO-3 a parameter is empty until it is used, and knows its whole shape.
            yield name, getattr(parameter, "ds_shape", parameter.shape)
