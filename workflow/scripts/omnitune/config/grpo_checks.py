"""What cannot be right with an experiment's `grpo:`, each a sentence."""

from collections.abc import Iterator

from omnitune.config.experiments import Experiment
from omnitune.config.reward_checks import reward_mistakes
from omnitune.config.run import Config
from omnitune.config.sentences import Key, Where

# They decide what an adapter is.
ADAPTER_KEYS = ("lora", "freeze_llm", "freeze_vit", "freeze_vision", "freeze_audio", "freeze_aligner")


def grpo_mistakes(config: Config, experiment: Experiment, where: Where, prefix: Key) -> Iterator[str]:
    """The mistakes of an experiment's GRPO, against its sft and against the files it names."""
    sft, grpo = experiment.sft, experiment.grpo

    def at(*names: str) -> str:
        return where((*prefix, "grpo", *names))

    if grpo.start_from == "sft" and not sft.enabled:
        yield f"{at('start_from')} is sft, which is not enabled. Enable it, or start from base."
    for name in ADAPTER_KEYS if experiment.policy == "adapter" else ():
        if getattr(grpo, name) != getattr(sft, name):
            yield (
                f"{at(name)} is not sft's, but grpo trains sft's adapter on. "
                "Remove it here, or set grpo.start_from: base."
            )
    yield from reward_mistakes(grpo, where, (*prefix, "grpo"))
    if grpo.rollout == "colocate":
        if config.device == "cpu":
            yield (
                f"{at('rollout')}: vLLM shares a GPU with the training; with device: cpu there is none. "
                "Set rollout: transformers."
            )
        elif (grpo.processes or 1) % grpo.vllm_tensor_parallel_size:
            yield (
                f"{at('vllm_tensor_parallel_size')}: {grpo.processes} GPUs cannot be shared by copies on "
                f"{grpo.vllm_tensor_parallel_size} each. Take a divisor of grpo.gpus."
            )
