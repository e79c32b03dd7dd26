"""`grpo:` reinforcement learning on rewards."""

from typing import Annotated, Any, Literal

from pydantic import Field

from omnitune.config.base import Positive, PositiveNumber, Section, Share
from omnitune.config.training import TrainingConfig

Rollout = Literal["transformers", "colocate", "server"]
# Below zero it is a penalty.
Weight = Annotated[float, Field(strict=False)]


class ServerConfig(Section):
    """The vLLM server that samples completions; read when `rollout` is server."""

    gpus: Positive = Field(
        1, le=64, description="Its GPUs, besides `grpo.gpus`, on the same machine; none with `device: cpu`."
    )
    tensor_parallel: Positive = Field(
        1, le=64, description="GPUs that share one copy of the model; the server holds `gpus` / this many copies."
    )
    port: int = Field(
        8100,
        ge=1,
        le=65534,
        description="Port that it listens at, on this machine only; weights come in by the next one. Taken means "
        "refused.",
    )
    swift: dict[str, Any] = Field(
        {}, description="Any other flag of `swift rollout`, by its own name; checked against ms-swift."
    )


class GrpoConfig(TrainingConfig):
    """Group relative policy optimisation (GRPO) on the rows of `grpo` sources; a null takes the recipe's value."""

    enabled: bool = Field(False, description="Train on rewards; merge, infer and score then follow this model.")
    eval_steps: Positive | None = Field(
        None, description="Without effect: GRPO is watched by its reward, not evaluated on val."
    )
    start_from: Literal["sft", "base"] = Field(
        "sft", description="The policy's start: what sft made (its adapter is trained on), or the base."
    )
    rollout: Rollout = Field(
        "transformers",
        description="What samples completions: transformers, vLLM on the training's GPUs (`colocate`) or vLLM on "
        "GPUs of its own (`server`).",
    )
    server: ServerConfig = Field(ServerConfig(), description="The server of `rollout: server`.")
    rewards: dict[str, Weight] = Field(
        {"format": 1.0},
        min_length=1,
        description="Reward -> weight: `format`, `accuracy`, one of ms-swift's, or a function of `reward_file`.",
    )
    reward_file: str | None = Field(
        None,
        min_length=1,
        description="Python file with `def custom_reward(completions, **kwargs)`, one float per completion.",
    )
    num_generations: Positive | None = Field(None, ge=2, description="Completions sampled of one prompt.")
    max_completion_length: Positive | None = Field(None, description="Tokens of a completion, at most.")
    temperature: PositiveNumber | None = Field(None, le=2, description="Temperature of the sampling.")
    top_p: Share | None = Field(None, gt=0, description="Sample from the likeliest tokens of this total share.")
    top_k: Positive | None = Field(None, description="Sample from so many of the likeliest tokens.")
    beta: float | None = Field(
        None, ge=0, strict=False, description="Weight of the divergence from the start; null is ms-swift's 0.04."
    )
    log_completions: bool = Field(
        True, description="Keep prompts, completions and rewards in checkpoints/completions.jsonl."
    )
    vllm_gpu_memory_utilization: Share | None = Field(
        None, gt=0, description="Share of a GPU's memory for vLLM; read when `rollout` is colocate or server."
    )
    swift: dict[str, Any] = Field(
        {}, description="Any other flag of `swift rlhf`, by its own name; checked against ms-swift."
    )
