"""What cannot be right with the rewards of a `grpo:`, each a sentence; told before anything is trained."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from pydantic import ValidationError

from omnitune.config.base import Section
from omnitune.config.grpo import GrpoConfig
from omnitune.config.rewards import OPTIONS
from omnitune.config.sentences import Key, Where, sentence
from omnitune.config.source_checks import braced
from omnitune.errors import PipelineError, suggest
from omnitune.rewards import REWARDS, SWIFTS, names_in
from omnitune.rewards.json_schema import read_schema
from omnitune.rewards.judge_service import read_key


def reward_mistakes(grpo: GrpoConfig, where: Where, key: Key) -> Iterator[str]:
    """The mistakes of a section's rewards; the user's file is read, not run.

    Args:
        key: where the section hangs in the config.
    """

    def at(*names: str) -> str:
        return where((*key, *names))

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
    if not any(grpo.weights.values()):
        yield f"{at('rewards')}: every weight is 0, so nothing is learned. Give one a weight."
    for name in grpo.lab.style:
        if name not in grpo.rewards:
            yield f"{at('lab', 'style')}: {name} is none of grpo.rewards. Remove it."
    if own is None:
        return
    for name, reward in grpo.rewards.items():
        for option, file in reward.files.items():
            if braced(file):
                yield (
                    f"{at('rewards', name, option)}: {file} holds a brace, which Snakemake takes for a wildcard. "
                    "Rename it."
                )
            elif not Path(file).is_file():
                yield f"{at('rewards', name, option)}: there is no file {file}. Mend the path."
        if name in own:
            continue  # its options are its arguments, which the lab knows
        if name in REWARDS:
            yield from _option_mistakes(grpo, name, where, (*key, "rewards", name))
        elif name not in SWIFTS:
            yield f"{at('rewards')}: there is no reward {name}. {_instead(grpo, name, own)}"
        elif name in grpo.reward_options:
            yield f"{at('rewards', name)}: {name} is ms-swift's and takes flags. Set them in grpo.swift."


def _instead(grpo: GrpoConfig, name: str, own: Collection[str]) -> str:
    place = f"define it in {grpo.reward_file}" if grpo.reward_file else "set grpo.reward_file"
    known = [*REWARDS, *sorted(SWIFTS)]
    return suggest(name, [*known, *own]) or f"Choose one of {', '.join(known)}, or {place}."


def _option_mistakes(grpo: GrpoConfig, name: str, where: Where, key: Key) -> Iterator[str]:
    kind = OPTIONS.get(name, Section)
    try:
        options = kind.model_validate(grpo.rewards[name].options).model_dump()
    except ValidationError as error:
        for details in error.errors(include_url=False):
            yield sentence(kind, details, where, key)
        return
    if name == "length" and options["least"] > options["most"]:
        yield f"{where((*key, 'least'))} is above most. Exchange them."
    if name == "llm_judge" and options["key_file"]:
        try:
            read_key(options["key_file"])
        except ValueError as error:
            yield f"{where((*key, 'key_file'))}: {error}. Mend it."
    if name == "json_schema":
        yield from _unreadable(options["file"], lambda: where((*key, "file")))


def _unreadable(file: str, place: Callable[[], str]) -> Iterator[str]:
    try:
        read_schema(file)
    except FileNotFoundError:
        return  # told already
    except (OSError, ValueError) as error:
        yield f"{place()}: {file} is no schema to check by ({error}). Mend it."
