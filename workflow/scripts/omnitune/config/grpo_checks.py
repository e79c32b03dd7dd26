"""What cannot be right with an experiment's `grpo:`, each a sentence."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from omnitune.config.experiments import Experiment
from omnitune.config.grpo import GrpoConfig
from omnitune.config.run import Config
from omnitune.config.sentences import Key, Where
from omnitune.config.source_checks import braced
from omnitune.errors import PipelineError, suggest
from omnitune.rewards import REWARDS, SWIFTS, names_in

# They decide what an adapter is.
ADAPTER_KEYS = ("lora", "freeze_llm", "freeze_vit", "freeze_aligner")


def grpo_mistakes(config: Config, experiment: Experiment, where: Where, prefix: Key) -> Iterator[str]:
    """The mistakes of an experiment's GRPO, against its sft and against the files it names."""
    sft, grpo = experiment.sft, experiment.grpo
    if grpo.start_from == "sft" and not sft.enabled:
        place = where((*prefix, "grpo", "start_from"))
        yield f"{place} is sft, which is not enabled. Enable it, or start from base."
    for name in ADAPTER_KEYS if experiment.policy == "adapter" else ():
        if getattr(grpo, name) != getattr(sft, name):
            yield (
                f"{where((*prefix, 'grpo', name))} is not sft's, but grpo trains sft's adapter on. "
                "Remove it here, or set grpo.start_from: base."
            )
    yield from _reward_mistakes(grpo, lambda key: where((*prefix, "grpo", key)))
    yield from _rollout_mistakes(config, grpo, lambda *key: where((*prefix, "grpo", *key)))
    if not any(grpo.rewards.values()):
        place = where((*prefix, "grpo", "rewards"))
        yield f"{place}: every weight is 0, so nothing is learned. Give one a weight."


def _rollout_mistakes(config: Config, grpo: GrpoConfig, at: Callable[..., str]) -> Iterator[str]:
    server = grpo.server
    if grpo.rollout == "server" and server.gpus % server.tensor_parallel:
        yield (
            f"{at('server', 'gpus')}: {server.gpus} GPUs hold no whole number of copies of "
            f"{server.tensor_parallel} GPUs each. Set it to a multiple of tensor_parallel."
        )
    if grpo.rollout == "colocate" and config.device == "cpu" and grpo.processes != 1:
        yield f"{at('processes')}: on a CPU vLLM samples in one process. Set it to 1."


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


def _reward_mistakes(grpo: GrpoConfig, at: Callable[[str], str]) -> Iterator[str]:
    """Rewards that are nowhere, told before anything is trained; the file is read, not run."""
    own: set[str] | None = set()
    if grpo.reward_file:
        if braced(grpo.reward_file):
            yield (
                f"{at('reward_file')}: {grpo.reward_file} holds a brace, which Snakemake takes for a wildcard. "
                "Rename it."
            )
            return
        if not Path(grpo.reward_file).is_file():
            yield f"{at('reward_file')}: there is no file {grpo.reward_file}. Mend the path."
            return
        try:
            own = names_in(Path(grpo.reward_file))
        except PipelineError as error:
            yield f"{at('reward_file')}: {error}"
            return
    if own is None:
        return
    for name in grpo.rewards:
        known = [*REWARDS, *SWIFTS, *own]
        if name not in known:
            place = f"define it in {grpo.reward_file}" if grpo.reward_file else "set grpo.reward_file"
            hint = suggest(name, known) or f"Choose one of {', '.join([*REWARDS, *sorted(SWIFTS)])}, or {place}."
            yield f"{at('rewards')}: there is no reward {name}. {hint}"
