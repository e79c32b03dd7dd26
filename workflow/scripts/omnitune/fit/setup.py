"""A training as far as memory depends on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from omnitune import algorithms, trainable
from omnitune.config.experiments import Experiment
from omnitune.config.grpo import GrpoConfig
from omnitune.config.training import TrainingConfig
from omnitune.fit.shape import Shape


@dataclass(frozen=True)
class Setup:
    """What decides the memory of one GPU.

    Attributes:
        shape: of the base.
        gpus, gpu_gib: how many share the training, and the memory of each in GiB.
        tuner, rank, opened, experts: what is trained (`Shape.trained`).
        deepspeed: preset; `none` is plain DDP.
        micro_batch, tokens: rows of one forward pass, and the tokens of the longest.
        sampled: rows that the policy samples at a time by transformers; 0 without.
        gathers: whether ZeRO-3's weights are whole on every GPU while the policy samples by transformers.
        reference: whether a second model is held, from which the divergence is measured.
        server_gpus, server_tensor_parallel: GPUs of a server that samples, and of one copy there; 0 without one.
        colocate: whether vLLM shares the GPU; the rest is read only then (its share with a server too),
            and means what it means in `grpo:`.
    """

    shape: Shape
    gpus: int
    gpu_gib: float
    tuner: Literal["lora", "full"] = "lora"
    rank: int = 8
    opened: Sequence[str] = ("llm",)
    experts: bool = False
    deepspeed: str = "zero2"
    micro_batch: int = 1
    tokens: int = 4096
    gradient_checkpointing: bool = True
    sampled: int = 0
    gathers: bool = True
    reference: bool = False
    server_gpus: int = 0
    server_tensor_parallel: int = 0
    colocate: bool = False
    vllm_gpu_memory_utilization: float = 0.5
    vllm_tensor_parallel_size: int = 1
    sleep_level: int = 0
    offload_model: bool = False
    offload_optimizer: bool = False
    move_model_batches: int | None = None

    @property
    def stage(self) -> int:
        """ZeRO's stage."""
        return int(self.deepspeed[4]) if self.deepspeed.startswith("zero") else 0

    @property
    def trained(self) -> float:
        """Parameters that get a gradient."""
        return self.shape.trained(self.tuner, self.rank, self.opened, self.experts)

    @property
    def trained_bytes(self) -> int:
        """Bytes of one trained value: peft keeps an adapter in float32, unless DeepSpeed keeps one of its own."""
        return 4 if self.tuner == "lora" and self.deepspeed == "none" else 2


def of_experiment(section: TrainingConfig, experiment: Experiment, shape: Shape, gpu_gib: float) -> Setup:
    """The setup of `experiment.sft` or `experiment.grpo`, recipe filled in."""
    assert section.processes
    assert section.micro_batch
    assert section.max_length
    setup = Setup(
        shape=shape,
        gpus=section.processes,
        gpu_gib=gpu_gib,
        tuner=section.tuner,
        rank=section.lora.rank,
        opened=trainable.opened(section),
        experts=section.lora.experts,
        deepspeed=section.deepspeed or "none",
        micro_batch=section.micro_batch,
        tokens=section.max_length,
        gradient_checkpointing=bool(section.gradient_checkpointing),
    )
    return _on_rewards(setup, section) if section is experiment.grpo else setup


def _on_rewards(setup: Setup, grpo: TrainingConfig) -> Setup:
    assert isinstance(grpo, GrpoConfig)
    assert grpo.max_completion_length
    assert grpo.micro_batch
    colocate, served = grpo.rollout == "colocate", grpo.rollout == "server"
    return replace(
        setup,
        tokens=setup.tokens + grpo.max_completion_length,
        sampled=grpo.micro_batch * (grpo.gradient_accumulation or 1) if grpo.rollout == "transformers" else 0,
        # LoRA's reference is the same model with the adapter off.
        reference=grpo.tuner == "full" and algorithms.beta(grpo.algorithm, grpo.beta) != 0,
        gathers=bool(grpo.swift.get("ds3_gather_for_generation", True)),
        server_gpus=grpo.server.gpus if served else 0,
        server_tensor_parallel=grpo.server.tensor_parallel if served else 0,
        colocate=colocate,
        vllm_gpu_memory_utilization=grpo.vllm_gpu_memory_utilization or 0.9,
        vllm_tensor_parallel_size=grpo.vllm_tensor_parallel_size,
        sleep_level=grpo.sleep_level if colocate else 0,
        offload_model=colocate and grpo.offload_model,
        offload_optimizer=colocate and grpo.offload_optimizer,
        move_model_batches=grpo.move_model_batches,
    )
