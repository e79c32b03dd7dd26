"""`experiments:` variants that share data and base."""

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
