"""The whole config, top-level keys in the order of the pipeline."""

from typing import Literal

from pydantic import Field

from omnitune.config.base import Name, Section
from omnitune.config.deploy import DeployConfig
from omnitune.config.envs import EnvsConfig
from omnitune.config.experiments import ExperimentConfig
from omnitune.config.grpo import GrpoConfig
from omnitune.config.infer import InferConfig
from omnitune.config.media import MediaConfig
from omnitune.config.merge import MergeConfig
from omnitune.config.model import ModelConfig
from omnitune.config.resources import ResourcesConfig
from omnitune.config.score import ScoreConfig
from omnitune.config.sft import SftConfig
from omnitune.config.sources import SourceConfig
from omnitune.config.split import SplitConfig
from omnitune.config.validate import ValidateConfig


class DemoConfig(Section):
    """The inputs of the demo, which the pipeline makes itself."""

    seed: int = Field(0, ge=0, description="Seed of the media, the rows and the random model.")
    pretrain: SftConfig = Field(SftConfig(), description="Training of the random model that the demo starts from.")


class Config(Section):
    """Everything a run is decided by."""

    run: Name = Field("main", description="Name of the run: results lie in results/{run}.")
    device: Literal["cuda", "cpu"] = Field(
        "cuda", description="`cpu` trains in float32 in one process without GPUs: for tiny models and tests."
    )
    recipe: Literal["fast", "seed"] = Field(
        "fast",
        description="`seed`: micro-batch, accumulation and checkpointing of the bash scripts; "
        "`fast`: the same objective and effective batch with a larger micro-batch where memory allows.",
    )
    model: ModelConfig = Field(ModelConfig(), description="The base checkpoint.")
    media: MediaConfig = Field(MediaConfig(), description="One media contract for all stages.")
    sources: dict[Name, SourceConfig] = Field({}, description="Name -> file of rows.")
    validate_: ValidateConfig = Field(
        ValidateConfig(), alias="validate", description="What the rows must be like."
    )
    split: SplitConfig = Field(SplitConfig(), description="Train, val and test.")
    sft: SftConfig = Field(SftConfig(), description="Supervised fine-tuning.")
    grpo: GrpoConfig = Field(GrpoConfig(), description="Reinforcement learning on rewards, off by default.")
    merge: MergeConfig = Field(MergeConfig(), description="The final model.")
    infer: InferConfig = Field(InferConfig(), description="Answers to the test rows.")
    score: ScoreConfig = Field(ScoreConfig(), description="Metrics by task.")
    deploy: DeployConfig = Field(DeployConfig(), description="A server of the final model.")
    resources: ResourcesConfig = Field(ResourcesConfig(), description="What a job may count on.")
    experiments: dict[Name, ExperimentConfig] = Field(
        {}, description="Name -> overrides under sft, grpo and merge; empty means one experiment, main."
    )
    envs: EnvsConfig = Field(EnvsConfig(), description="A site's own environments.")
    demo: DemoConfig | None = Field(None, description="Only for the demo: makes its own model and data.")
