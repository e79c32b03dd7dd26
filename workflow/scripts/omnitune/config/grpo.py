"""`grpo:` reinforcement learning on rewards."""

from typing import Any, Literal

from pydantic import Field

from omnitune.config.base import Positive, PositiveNumber, Section, Share
from omnitune.config.rewards import Rewards
from omnitune.config.training import TrainingConfig

Rollout = Literal["transformers", "colocate", "server"]
Algorithm = Literal[
    "grpo", "dapo", "dr_grpo", "bnpo", "gspo", "gspo_token", "cispo", "sapo", "gdpo", "rloo",
    "reinforce_plus_plus", "real", "fipo",
]  # fmt: skip


class LabConfig(Section):
    """The trial of the rewards before any GPU is asked for."""

    rows: Positive = Field(64, le=4096, description="Prompts that the rewards are tried on, drawn by `grpo.seed`.")
    seconds: PositiveNumber = Field(
        120.0, description="Time that a reward may take for one completion of each of these prompts."
    )
    style: list[str] = Field(
        [],
        description="Rewards of your own that rate how something is said: the solution need not get more than "
        "garbage.",
    )


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
    algorithm: Algorithm = Field(
        "grpo",
        description="Variant of the objective; docs/stages.md says what each sets. A flag in `swift` wins over "
        "it.",
    )
    rollout: Rollout = Field(
        "transformers",
        description="What samples completions: transformers, vLLM on the training's GPUs (`colocate`) or vLLM on "
        "GPUs of its own (`server`).",
    )
    server: ServerConfig = Field(ServerConfig(), description="The server of `rollout: server`.")
    rewards: Rewards = Field(
        {"format": 1.0},
        min_length=1,
        validate_default=True,
        description="Reward -> weight, or a section of weight and options: one of docs/rewards.md, one of "
        "ms-swift's, or a function of `reward_file`.",
    )
    reward_file: str | None = Field(
        None,
        min_length=1,
        description="Python file with `def custom_reward(completions, **kwargs)`, one float per completion.",
    )
    lab: LabConfig = Field(LabConfig(), description="The trial of the rewards before any GPU is asked for.")
    num_generations: Positive | None = Field(None, ge=2, description="Completions sampled of one prompt.")
    max_completion_length: Positive | None = Field(None, description="Tokens of a completion, at most.")
    temperature: PositiveNumber | None = Field(None, le=2, description="Temperature of the sampling.")
    top_p: Share | None = Field(None, gt=0, description="Sample from the likeliest tokens of this total share.")
    top_k: Positive | None = Field(None, description="Sample from so many of the likeliest tokens.")
    beta: float | None = Field(
        None,
        ge=0,
        strict=False,
        description="Weight of the divergence from the start; null is the algorithm's, else ms-swift's 0.04.",
    )
    log_completions: bool = Field(
        True,
        description="Keep prompts, completions and rewards in checkpoints/completions.jsonl, and the best and "
        "worst for the report.",
    )
    vllm_gpu_memory_utilization: Share | None = Field(
        None, gt=0, description="Share of a GPU's memory for vLLM; null gives a server 0.9 of its own."
    )
    vllm_tensor_parallel_size: Positive = Field(
        1, description="GPUs that vLLM spreads one copy of the model over; read when `rollout` is colocate."
    )
    sleep_level: Literal[0, 1, 2] = Field(
        0,
        description="What vLLM gives up while the policy is trained: nothing, the cache and (to host memory) the "
        "weights, or both for good; read when `rollout` is colocate.",
    )
    offload_model: bool = Field(
        False, description="Keep the policy in host memory while vLLM samples; read when `rollout` is colocate."
    )
    offload_optimizer: bool = Field(
        False, description="Keep the optimizer in host memory while vLLM samples; read when `rollout` is colocate."
    )
    move_model_batches: Positive | None = Field(
        None,
        description="Hand the weights to vLLM in so many parts, so that ZeRO-3 gathers one at a time; read when "
        "`rollout` is colocate or server.",
    )
    swift: dict[str, Any] = Field(
        {}, description="Any other flag of `swift rlhf`, by its own name; checked against ms-swift."
    )

    @property
    def weights(self) -> dict[str, float]:
        """Reward -> weight."""
        return {name: reward.weight for name, reward in self.rewards.items()}

    @property
    def reward_options(self) -> dict[str, dict[str, Any]]:
        """Reward -> its options, of those that have any."""
        return {name: reward.options for name, reward in self.rewards.items() if reward.options}
