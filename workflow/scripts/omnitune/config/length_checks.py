"""What cannot be right about the lengths of rows: between what the gate lets pass and what a training takes."""

from collections.abc import Iterator

from omnitune.config.experiments import Experiment
from omnitune.config.run import Config
from omnitune.config.sentences import Key, Where
from omnitune.config.sft import SftConfig
from omnitune.validation.policy import Policy

# What ms-swift 4.6 packs rows with (swift/arguments/sft_args.py, _check_padding_free).
FLASH = ("flash_attention_2", "flash_attention_3", "flash_attention_4", "flash_attn")


def length_mistakes(config: Config, experiment: Experiment, where: Where, prefix: Key) -> Iterator[str]:
    """The mistakes of an experiment's trainings, against `validate`."""
    if experiment.sft.enabled:
        yield from by_length_mistakes(config, experiment.sft, where, (*prefix, "sft"))
    for stage in experiment.trained if _long_rows_pass(config) else ():
        flags = getattr(experiment, stage).swift
        # Of itself ms-swift cuts the prompts of GRPO.
        if flags.get("truncation_strategy", "delete" if stage == "sft" else "left") not in ("left", "right"):
            yield (
                f"{where(('validate', 'policy', 'E057'))}: rows longer than {stage}.max_length go on to training, "
                f"which would stop at the first. Set {stage}.swift.truncation_strategy to left or right, which "
                "cuts them, or E057 to reject."
            )


def by_length_mistakes(config: Config, sft: SftConfig, where: Where, key: Key) -> Iterator[str]:
    """The mistakes of a training that must know the rows' lengths, or joins rows."""
    if sft.by_length and not config.validate_.lengths:
        yield (
            f"{where(('validate', 'lengths'))} is false, so the lengths that sft.group_by_length and sft.packing "
            "go by are not known. Set it to true."
        )
    if sft.group_by_length and sft.packing:
        yield (
            f"{where((*key, 'group_by_length'))}: packed rows are of about one length. Set it or packing to false."
        )
    for name in ("packing", "padding_free"):
        if getattr(sft, name) is not True:
            continue
        place = where((*key, name))
        if config.device == "cpu":
            yield (
                f"{place} needs a flash attention implementation, and with device: cpu there is none. Remove it; "
                "sft.group_by_length saves most of the padding too."
            )
        elif (chosen := sft.swift.get("attn_impl")) and chosen not in FLASH:
            yield (
                f"{place} needs a flash attention implementation, and sft.swift.attn_impl is {chosen}. Remove one "
                "of the two."
            )


def _long_rows_pass(config: Config) -> bool:
    settings = config.validate_
    return settings.lengths and Policy(settings.policy).action("E057") == "warn"
