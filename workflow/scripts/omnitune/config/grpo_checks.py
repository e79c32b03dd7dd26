"""What cannot be right with an experiment's `grpo:`, each a sentence."""

from collections.abc import Callable, Iterator
from pathlib import Path

from omnitune.config.experiments import Experiment
from omnitune.config.grpo import GrpoConfig
from omnitune.config.run import Config
from omnitune.config.sentences import Key, Where
from omnitune.config.source_checks import braced
from omnitune.errors import PipelineError, suggest
from omnitune.rewards import REWARDS, SWIFTS, names_in

# They decide what an adapter is.
ADAPTER_KEYS = ("lora", "freeze_llm", "freeze_vit", "freeze_vision", "freeze_audio", "freeze_aligner")


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
    if grpo.rollout == "colocate" and config.device == "cpu":
        yield (
            f"{where((*prefix, 'grpo', 'rollout'))}: vLLM shares a GPU with the training; with device: cpu there "
            "is none. Set rollout: transformers."
        )
    if not any(grpo.rewards.values()):
        place = where((*prefix, "grpo", "rewards"))
        yield f"{place}: every weight is 0, so nothing is learned. Give one a weight."


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
