"""Trainings that cannot fit the GPUs that they ask for, each a sentence with the settings that fit."""

from collections.abc import Iterator

from omnitune import fit
from omnitune.config.experiments import Experiment
from omnitune.config.run import Config
from omnitune.config.sentences import Key, Where


def fit_mistakes(config: Config, experiment: Experiment, where: Where, prefix: Key) -> Iterator[str]:
    """The stages of an experiment that could not work however short the rows are; what is unsure passes."""
    for stage, setup in setups(config, experiment).items():
        if fit.need(setup).impossible(setup.gpu_gib):
            yield f"{where((*prefix, stage))}: {fit.refusal(stage, setup)}"


def setups(config: Config, experiment: Experiment) -> dict[str, fit.Setup]:
    """stage -> what its memory depends on; none on a CPU, and none of a base that is not known."""
    shape = None if config.device == "cpu" else fit.shape_of(config.model.path)
    if shape is None:
        return {}
    memory = float(config.resources.gpu_memory_gib)
    return {
        stage: fit.of_experiment(getattr(experiment, stage), experiment, shape, memory)
        for stage in experiment.trained
    }
