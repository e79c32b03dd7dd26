"""What cannot be right with what a training opens, freezes and adapts, each a sentence."""

from collections.abc import Iterator
from pathlib import Path

from omnitune.config.experiments import Experiment
from omnitune.config.run import Config
from omnitune.config.sentences import Key, Where
from omnitune.config.source_checks import braced
from omnitune.config.training import TrainingConfig


def tuner_mistakes(config: Config, experiment: Experiment, where: Where, prefix: Key) -> Iterator[str]:
    """The mistakes of an experiment's trainings."""
    for stage in experiment.trained:
        yield from _of_training(getattr(experiment, stage), where, (*prefix, stage))
    if experiment.sft.enabled and experiment.sft.resume_adapter:
        yield from _of_resumed(config, experiment, where((*prefix, "sft", "resume_adapter")))


def _of_training(settings: TrainingConfig, where: Where, key: Key) -> Iterator[str]:
    if settings.freeze_llm and settings.freeze_vision and settings.freeze_audio and settings.freeze_aligner:
        yield (
            f"{where((*key, 'freeze_llm'))}: with freeze_vit and freeze_aligner everything is frozen, and nothing "
            "would train. Set one of them, freeze_vision or freeze_audio to false."
        )
    if settings.tuner != "lora" or not settings.lora.experts:
        return
    place = where((*key, "lora", "experts"))
    if settings.lora.dropout:
        yield (
            f"{place}: an update of experts takes no dropout, and dropout is {settings.lora.dropout:g}. "
            f"Set {key[-1]}.lora.dropout: 0, which then holds for every layer."
        )
    if settings.freeze_llm:
        yield (
            f"{place}: the experts belong to the text model, which freeze_llm keeps. Set one of the two to false."
        )


def _of_resumed(config: Config, experiment: Experiment, place: str) -> Iterator[str]:
    folder = experiment.sft.resume_adapter or ""
    own = f"results/{config.run}/{experiment.name}/"
    if experiment.sft.tuner != "lora":
        yield f"{place}: only LoRA trains an adapter on. Set sft.tuner: lora, or remove it."
    elif braced(folder):
        yield f"{place}: {folder} holds a brace, which Snakemake takes for a wildcard. Rename it."
    elif f"{folder}/".startswith(own):
        yield (
            f"{place}: {folder} is what this training makes itself. Name the adapter of another experiment or run."
        )
    elif not folder.startswith("results/") and not (Path(folder) / "adapter_config.json").is_file():
        yield f"{place}: there is no adapter in {folder} (no adapter_config.json). Name the folder of one."
