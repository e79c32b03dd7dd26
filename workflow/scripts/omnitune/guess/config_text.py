"""The guesses as a config file: short, commented, and checked by the pipeline's own loader."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from omnitune.config.load import load
from omnitune.config.run import Config
from omnitune.errors import PipelineError
from omnitune.guess.roots import shown
from omnitune.guess.source import SourceGuess

# Fewer test rows than this say nothing, so a small data set holds back a larger share.
_FEW_ROWS = 1000
_SMALL_SPLIT = {"val": 0.1, "test": 0.2}
_DEFAULT_MODEL = "Qwen/Qwen3-Omni-30B-A3B-Instruct"


def write_config(run: str, guesses: Sequence[SourceGuess], model: str | None, folder: Path) -> tuple[Path, Config]:
    """Write `folder/{run}.yaml`, which must not exist; returns it and the config as Snakemake will load it."""
    path = folder / f"{run}.yaml"
    text = config_text(run, guesses, model)
    config, _ = load(yaml.safe_load(text))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:  # it came up meanwhile
        refuse_existing(path)
        raise
    try:
        with file:
            file.write(text)
    except OSError:  # a full disk: half a config is worse than none
        path.unlink(missing_ok=True)
        raise
    return path, config


def refuse_existing(path: Path) -> None:
    """Refuse to write over a config."""
    if path.exists() or path.is_symlink():
        raise PipelineError(
            "is there already, and is never written over",
            where=str(path),
            fix="Choose another RUN, or move the file away.",
        )


def config_text(run: str, guesses: Sequence[SourceGuess], model: str | None) -> str:
    """The file's text."""
    return "\n".join(_lines(run, guesses, model)) + "\n"


def _lines(run: str, guesses: Sequence[SourceGuess], model: str | None) -> Iterator[str]:
    yield "# Guessed by make init from the first rows of the data: read it before you train."
    yield "# What is not here has its default. Every key, its default and its unit: config/README.md."
    yield f"run: {_flow(run)}  # results lie in results/{run}"
    yield ""
    if model:
        yield f"model: {{path: {_flow(model)}}}"
    else:
        yield f"# model: {{path: {_DEFAULT_MODEL}}}  # folder or hub id"
    roots = _roots(guesses)
    if roots:
        yield ""
        yield "media:"
        yield f"  roots: {_flow(roots)}  # folders that media may lie in; others are refused"
    yield ""
    yield "sources:"
    for guess in guesses:
        yield from _source(guess)
    if _is_small(guesses):
        yield ""
        yield "split:  # larger shares than usual: the data are few"
        yield from (f"  {key}: {value}" for key, value in _SMALL_SPLIT.items())
    yield ""
    yield "score:"
    yield "  tasks:  # exact_match, wer, cer, math_verify"
    tasks = {guess.task.name: guess.task.metrics for guess in guesses}
    for name, metrics in tasks.items():
        yield f"    {_flow(name)}: {_flow(metrics)}"
    yield ""
    yield from _training(guesses)
    yield "# infer: {max_new_tokens: 2048}"


def _training(guesses: Sequence[SourceGuess]) -> Iterator[str]:
    """What is trained: sft where there are answers to imitate, else grpo from the base."""
    often = "# Often changed next; what is left out takes the recipe's value."
    prompts = [guess for guess in guesses if "grpo" in guess.use]
    # accuracy is refused before the training where a prompt has no solution.
    reward = "accuracy" if all(guess.answered for guess in prompts) else "format"
    if any("sft" in guess.use for guess in guesses):
        yield often
        yield "# sft: {gpus: 4, epochs: 3, learning_rate: 1.0e-4, max_length: 4096}"
        if prompts:
            yield f"# grpo: {{enabled: true, rewards: {{{reward}: 1.0}}}}  # then on the prompts, by their rewards"
        return
    yield "sft: {enabled: false}  # no row ends with the assistant's turn: there is nothing to imitate"
    yield ""
    yield from ("grpo:", "  enabled: true", "  start_from: base")
    meaning = {
        "accuracy": "whether the answer is the row's solution",
        "format": "whether it reads <think>...</think><answer>...</answer>; your own: reward_file",
    }
    yield f"  rewards: {{{reward}: 1.0}}  # {meaning[reward]}"
    yield f"  {often}"
    yield from ("  # gpus: 4", "  # learning_rate: 1.0e-5", "  # max_completion_length: 2048")
    yield ""


def _source(guess: SourceGuess) -> Iterator[str]:
    entry = guess.config()
    yield f"  {_flow(guess.name)}:"
    yield f"    format: {entry.format}  # {guess.columns.why}"
    yield f"    path: {_flow(entry.path)}"
    if entry.columns:
        yield f"    columns: {_flow(entry.columns)}  # column of the file -> our field"
    if guess.columns.format == "unified":
        yield f"    user_template: {_flow(entry.user_template)}  # what every row asks: say what you want to hear"
    meaning = {
        ("sft", "eval"): "a share of the rows is held out and scored",
        ("sft",): "train only",
        ("eval",): "test only",
        ("grpo", "eval"): "prompts to train on by rewards; a share is held out and scored",
        ("grpo",): "prompts to train on by rewards",
    }
    yield f"    use: {_flow(list(entry.use))}  # {meaning[tuple(entry.use)]}"
    yield f"    task: {_flow(entry.task)}  # {guess.task.why}"


def _roots(guesses: Sequence[SourceGuess]) -> list[str]:
    roots = sorted({root for guess in guesses for root in guess.media.roots})
    outer = [one for one in roots if not any(one != other and one.is_relative_to(other) for other in roots)]
    return [shown(root) for root in outer]


def _is_small(guesses: Sequence[SourceGuess]) -> bool:
    parted = [guess.sample.total for guess in guesses if "eval" in guess.use and len(guess.use) > 1]
    return bool(parted) and sum(parted) < _FEW_ROWS


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("...\n").strip()
