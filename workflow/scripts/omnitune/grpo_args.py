"""What `swift rlhf` is told for GRPO alone: the algorithm, the sampling, vLLM's share of the GPUs, the rewards.

A part of swift_args.py, which knows the rest.
"""

import json
from typing import Any, Literal

from omnitune import algorithms, rewards, vllm_args
from omnitune.config.grpo import GrpoConfig
from omnitune.errors import PipelineError
from omnitune.trainer import rollout_check

Arguments = dict[str, Any]
Device = Literal["cuda", "cpu"]


def flags(settings: GrpoConfig, device: Device) -> Arguments:
    """Flags of a section with the recipe filled in."""
    arguments: Arguments = {
        "rlhf_type": "grpo",
        "eval_steps": settings.eval_steps,
        "reward_funcs": list(settings.weights),
        "reward_weights": list(settings.weights.values()),
        "num_generations": settings.num_generations,
        "max_completion_length": settings.max_completion_length,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "top_k": settings.top_k,
        "log_completions": settings.log_completions,
        "use_vllm": settings.rollout != "transformers",
        **algorithms.FLAGS[settings.algorithm],
    }
    if settings.beta is not None:
        arguments["beta"] = settings.beta
    if settings.rollout != "transformers":
        arguments |= {
            "vllm_mode": settings.rollout,
            "vllm_gpu_memory_utilization": settings.vllm_gpu_memory_utilization,
        }
    if settings.rollout == "server" and settings.move_model_batches:
        arguments["move_model_batches"] = settings.move_model_batches
    if settings.rollout == "colocate":
        arguments |= _shared_gpus(settings) | vllm_args.engine(device, sampled_length(settings))
    return arguments


def sampled_length(settings: GrpoConfig) -> int:
    """Tokens of a prompt and its completion together, at most."""
    assert settings.max_length
    assert settings.max_completion_length
    return settings.max_length + settings.max_completion_length


def _shared_gpus(settings: GrpoConfig) -> Arguments:
    """How vLLM and the training share the GPUs; what is left at ms-swift's default is left out.

    Raises:
        PipelineError: the policy would be moved away under DDP, whose hooks do not come back with it.
    """
    if settings.offload_model and settings.deepspeed == "none" and (settings.processes or 1) > 1:
        raise PipelineError(
            "with several GPUs and without DeepSpeed their gradients would no longer be averaged",
            where="grpo.offload_model",
            fix="Set grpo.deepspeed to zero2 or zero3, or leave it out.",
        )
    chosen = {
        "vllm_tensor_parallel_size": settings.vllm_tensor_parallel_size,
        "sleep_level": settings.sleep_level,
        "offload_model": settings.offload_model,
        "offload_optimizer": settings.offload_optimizer,
        "move_model_batches": settings.move_model_batches,
    }
    defaults = GrpoConfig.model_fields
    return {name: value for name, value in chosen.items() if value != defaults[name].default}


def environment(settings: GrpoConfig, device: Device, server: str | None) -> dict[str, str]:
    """What plugins and vLLM read; part of the arguments, for the run key: other rewards, another model.

    Args:
        server: the arguments file of the server that samples, when one does.
    """
    variables = {rewards.VERSION_VARIABLE: str(rewards.VERSION)}
    if settings.reward_file:
        variables[rewards.FILE_VARIABLE] = settings.reward_file
    if settings.reward_options:
        options = json.dumps(settings.reward_options, sort_keys=True, ensure_ascii=False)
        variables[rewards.OPTIONS_VARIABLE] = options
    if settings.rollout != "transformers":
        variables |= vllm_args.environment(device)
    if server:
        variables[rollout_check.SERVER_VARIABLE] = server
    return variables
