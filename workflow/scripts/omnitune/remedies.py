"""What is changed to get a training past a failure; kept beside its checkpoints, where the next start finds it."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from omnitune import batch_args
from omnitune.errors import ExitCode, PipelineError
from omnitune.publish import write_json

FILE = "remedies.json"
# A training in which more steps than these go wrong has no passing fault.
_MOST_NOT_FINITE = 3
OnOom = Literal["stop", "shrink"]
OnNotFinite = Literal["stop", "retry"]


@dataclass(frozen=True)
class Remedies:
    """The remedies in force.

    Attributes:
        arguments: flags of ms-swift with other values than the arguments file's.
        not_finite: steps at which a loss, gradient or weight was not finite, once.
        told: a sentence for each remedy, in order.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    not_finite: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def after(
        self, error: PipelineError, arguments: Mapping[str, Any], *, on_oom: OnOom, on_not_finite: OnNotFinite
    ) -> "Remedies | None":
        """The remedies with which to go on after a failure; None when there is none left, or none is wanted.

        Args:
            error: how the training ended.
            arguments: those that it ran with, the remedies in force applied.
            on_oom: `shrink` makes the next attempt smaller.
            on_not_finite: `retry` goes on from the last checkpoint, once for a step and three times in all.
        """
        if error.code == ExitCode.GPU_MEMORY and on_oom == "shrink" and (smaller := batch_args.smaller(arguments)):
            change = ", ".join(f"{name} {arguments[name]} -> {value}" for name, value in smaller.items())
            told = f"out of GPU memory: {change}; the effective batch stays the same"
            return Remedies(self.arguments | smaller, self.not_finite, [*self.told, told])
        step = re.search(r"at step (\d+)", error.what)
        if error.code == ExitCode.NOT_FINITE and on_not_finite == "retry" and step:
            number = int(step[1])
            if number not in self.not_finite and len(self.not_finite) < _MOST_NOT_FINITE:
                told = f"{error.what}: went on from the last checkpoint before it"
                return Remedies(self.arguments, [*self.not_finite, number], [*self.told, told])
        return None

    def write(self, work: Path) -> None:
        """Keep them in the folder of the checkpoints."""
        write_json(work / FILE, asdict(self))


def read(work: Path) -> Remedies:
    """The remedies kept in a folder; none when there is no such file, or it is damaged: they are found again."""
    try:
        return Remedies(**json.loads((work / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return Remedies()
