"""What cannot be right about which checkpoint becomes the model."""

from collections.abc import Iterator

from omnitune.config.experiments import Experiment
from omnitune.config.run import Config
from omnitune.config.sentences import Key, Where


def publish_mistakes(config: Config, experiment: Experiment, where: Where, prefix: Key) -> Iterator[str]:
    """The best checkpoint can be told only where each is evaluated."""
    sft = experiment.sft
    if not sft.enabled or sft.publish != "best":
        return
    if config.split.val == 0:
        yield (
            f"{where((*prefix, 'sft', 'publish'))}: the best checkpoint is that with the lowest loss on val, and "
            "there is no val. Give split.val a share, or publish last."
        )
    assert sft.save_steps
    assert sft.eval_steps
    if sft.save_steps % sft.eval_steps:
        yield (
            f"{where((*prefix, 'sft', 'save_steps'))}: the best checkpoint is looked for among those that are "
            f"evaluated, and {sft.save_steps} is no multiple of sft.eval_steps {sft.eval_steps}. Make it one."
        )
