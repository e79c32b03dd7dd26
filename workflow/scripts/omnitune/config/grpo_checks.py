"""What cannot be right with an experiment's `grpo:`, each a sentence."""

from collections.abc import Callable, Iterator, Sequence

from omnitune.config.experiments import Experiment
from omnitune.config.grpo import GrpoConfig
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
    yield from _rollout_mistakes(config, grpo, at)


def _rollout_mistakes(config: Config, grpo: GrpoConfig, at: Callable[..., str]) -> Iterator[str]:
    server = grpo.server
    if grpo.rollout == "server" and server.gpus % server.tensor_parallel:
        yield (
            f"{at('server', 'gpus')}: {server.gpus} GPUs hold no whole number of copies of "
            f"{server.tensor_parallel} GPUs each. Set it to a multiple of tensor_parallel."
        )
    if grpo.rollout == "colocate" and config.device == "cpu" and grpo.sleep_level:
        yield f"{at('sleep_level')}: a vLLM on a CPU gives nothing up. Set it to 0."
    if grpo.rollout == "colocate":
        if config.device == "cpu" and grpo.processes != 1:
            yield f"{at('processes')}: on a CPU vLLM samples in one process. Set it to 1."
        elif (grpo.processes or 1) % grpo.vllm_tensor_parallel_size:
            yield (
                f"{at('vllm_tensor_parallel_size')}: {grpo.processes} GPUs cannot be shared by copies on "
                f"{grpo.vllm_tensor_parallel_size} each. Take a divisor of grpo.gpus."
            )


def port_mistakes(experiments: Sequence[Experiment], where: Where) -> Iterator[str]:
    """Servers of two experiments that would want one port: the two may run at the same time."""
    taken: dict[int, str] = {}
    for one in experiments:
        if not one.grpo.enabled or one.grpo.rollout != "server":
            continue
        wanted = (one.grpo.server.port, one.grpo.server.port + 1)
        if other := next((taken[port] for port in wanted if port in taken), None):
            place = where(("experiments", one.name, "grpo", "server", "port"))
            yield f"{place}: experiment {other} has {wanted[0]} or the next one too. Give each two of its own."
        taken |= dict.fromkeys(wanted, one.name)
