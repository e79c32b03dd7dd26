"""What the planned trainings need of GPUs, host, disk and time, as far as it can be reckoned."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from omnitune import fit
from omnitune.config.experiments import Experiment
from omnitune.config.fit_checks import setups
from omnitune.config.grpo import GrpoConfig
from omnitune.config.run import Config
from omnitune.config.training import TrainingConfig
from omnitune.fit import amounts
from omnitune.planning.jobs import Job


def needs(
    plan: Sequence[Job], config: Config, experiments: Mapping[str, Experiment], results: Path
) -> list[tuple[str, str]]:
    """(stage and experiment, sentence) for each training that would run on GPUs.

    Args:
        results: folder of the run, whose rows are counted when they are there.
    """
    planned = dict.fromkeys((job.experiment, job.stage) for job in plan if job.gpus)
    lines = []
    for name, stage in planned:
        setup = setups(config, experiments[name]).get(stage) if name in experiments else None
        if setup is None:
            continue
        section = getattr(experiments[name], stage)
        lines.append((f"{stage} ({name})", fit.description(stage, setup)))
        kept = amounts.checkpoints_gb(setup, section.save_total_limit or 1)
        model = _gb(amounts.model_gb(setup))
        started = (
            f", what it starts from {model}" if stage == "grpo" and experiments[name].policy == "merged" else ""
        )
        lines.append(("", f"disk: checkpoints {_gb(kept)}, the merged model {model}{started}"))
        host = amounts.host_gib(setup)
        if host > config.resources.train_mem_gib:
            asked = config.resources.train_mem_gib
            lines.append(("", f"host memory: {host:.0f} GiB, and resources.train_mem_gib asks for {asked}"))
        tokens = _trained_tokens(section, results / "split")
        hours = amounts.hours(setup, tokens * section.epochs) if tokens else None
        if hours is not None:
            said = f"time: about {hours:.2g} h on H100s, by published rates of this model"
            sampled = (
                "time: up to {:.2g} h of steps on H100s, with completions of full length; sampling not counted"
            )
            lines.append(("", sampled.format(hours) if stage == "grpo" else said))
    return lines


def _trained_tokens(section: TrainingConfig, split: Path) -> int | None:
    """Tokens of an epoch: of the rows or, of GRPO, of each prompt's completions; None when not counted."""
    if not isinstance(section, GrpoConfig):
        return _tokens(split / "train.lengths.jsonl")
    assert section.num_generations
    assert section.max_completion_length
    try:
        with (split / "grpo.jsonl").open("rb") as file:
            return sum(1 for _ in file) * section.num_generations * section.max_completion_length
    except OSError:
        return None


def _tokens(lengths: Path) -> int | None:
    try:
        with lengths.open("rb") as file:
            return sum(json.loads(line)["tokens"] for line in file)
    except (OSError, ValueError, KeyError):
        return None


def _gb(size: float) -> str:
    return f"{size:,.0f} GB" if size >= 10 else f"{size:.1f} GB"
