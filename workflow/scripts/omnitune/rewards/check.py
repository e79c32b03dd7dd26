"""What is known of the rewards before a GPU is taken: that they exist, that the rows have what they read."""

from collections.abc import Collection
from pathlib import Path

from omnitune.config.grpo import GrpoConfig
from omnitune.errors import ExitCode, PipelineError, suggest
from omnitune.rewards import NEED_SOLUTION, REWARDS, names_in


def check(settings: GrpoConfig, *, prompts: int, solutions: int) -> None:
    """Refuse a training that could not begin, or whose reward would be 0 for every completion.

    Args:
        settings: the section.
        prompts: rows of grpo.jsonl.
        solutions: how many of them have a solution.

    Raises:
        PipelineError: with what to change.
    """
    if not prompts:
        raise PipelineError(
            "no row is left to sample completions of",
            where="grpo",
            fix="Add grpo to the use: of a source whose rows are not all test rows.",
            code=ExitCode.DATA,
        )
    # Read and not run: what it imports may be in the training's environment alone, where the lab tries it.
    own = names_in(Path(settings.reward_file)) if settings.reward_file else set()
    if own is None:
        return  # only running it tells which rewards are its own
    for name in settings.rewards:
        if name not in own and name not in REWARDS:
            _check_swifts_own(name, own, settings.reward_file)
        if name not in own and name in NEED_SOLUTION and solutions < prompts:
            raise PipelineError(
                f"{prompts - solutions} of {prompts} prompts have no solution, and without one the reward is 0",
                where=f"grpo.rewards.{name}",
                fix='Give the rows a "solution" or an answer, or choose another reward.',
                code=ExitCode.DATA,
            )


def _check_swifts_own(name: str, own: Collection[str], file: str | None) -> None:
    from swift.rewards import orms  # imports torch, so only when a name is not known otherwise

    if name not in orms:
        known = sorted({*orms, *REWARDS, *own})
        place = f"define it in {file}" if file else "set grpo.reward_file"
        raise PipelineError(
            f"there is no reward {name}",
            where="grpo.rewards",
            fix=suggest(name, known) or f"Choose one of {', '.join(known)}, or {place}.",
        )
