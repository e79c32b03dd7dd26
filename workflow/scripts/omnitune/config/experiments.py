"""`experiments:` variants that share data and base."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from omnitune.config.base import Section
from omnitune.config.grpo import GrpoConfig
from omnitune.config.merge import MergeConfig
from omnitune.config.sft import SftConfig
from omnitune.config.training import TrainingConfig


class ExperimentConfig(Section):
    """What one experiment changes of the sections below; the rest is shared."""

    sft: dict[str, Any] = Field({}, description="Keys of `sft:` with other values.")
    grpo: dict[str, Any] = Field({}, description="Keys of `grpo:` with other values.")
    merge: dict[str, Any] = Field({}, description="Keys of `merge:` with other values.")


class Experiment(Section):
    """One experiment with its overrides applied and the recipe filled in: what the rules read."""

    name: str
    sft: SftConfig
    grpo: GrpoConfig
    merge: MergeConfig

    @property
    def trained(self) -> list[str]:
        """The training stages that run, in order; the last one's model is merged."""
        return [name for name in ("sft", "grpo") if getattr(self, name).enabled]

    @property
    def trainings(self) -> list[TrainingConfig]:
        """The sections of `trained`."""
        return [getattr(self, name) for name in self.trained]

    @property
    def policy(self) -> str:
        """What grpo starts from: `adapter` (sft's, trained on), `merged` (base and sft as one model) or `base`."""
        if self.grpo.start_from == "base":
            return "base"
        return "adapter" if (self.sft.tuner, self.grpo.tuner) == ("lora", "lora") else "merged"

    def infer_stages(self, stages: Sequence[str]) -> list[str]:
        """Those of `stages` that this experiment makes: an adapter is made by LoRA only."""
        made = {name: getattr(self, name).tuner == "lora" for name in self.trained}
        made["merge"] = self.merge.enabled
        return [stage for stage in stages if made.get(stage)]
