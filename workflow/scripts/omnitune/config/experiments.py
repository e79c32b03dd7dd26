"""`experiments:` variants that share data and base."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from omnitune.config.base import Section
from omnitune.config.merge import MergeConfig
from omnitune.config.sft import SftConfig


class ExperimentConfig(Section):
    """What one experiment changes of the sections below; the rest is shared."""

    sft: dict[str, Any] = Field({}, description="Keys of `sft:` with other values.")
    merge: dict[str, Any] = Field({}, description="Keys of `merge:` with other values.")


class Experiment(Section):
    """One experiment with its overrides applied and the recipe filled in: what the rules read."""

    name: str
    sft: SftConfig
    merge: MergeConfig

    def infer_stages(self, stages: Sequence[str]) -> list[str]:
        """Those of `stages` that this experiment makes: an adapter is made by LoRA only."""
        made = {"sft": self.sft.tuner == "lora", "merge": self.merge.enabled}
        return [stage for stage in stages if made.get(stage)]
