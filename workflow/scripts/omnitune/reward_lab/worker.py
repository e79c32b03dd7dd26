"""The process in which rewards are tried: as in a training they are called on the main thread, a batch at a time.

A job comes as JSON by standard input; answers go to standard output, a JSON line each. It is a process of its own,
so that one that hangs or takes the interpreter down can be ended and told.
"""

import asyncio
import inspect
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from traceback import walk_tb
from types import FrameType, SimpleNamespace
from typing import Any

from omnitune import rewards
from omnitune.errors import PipelineError

READY, DONE = "ready", "done"


def main() -> None:
    """Serve one job."""
    job = json.loads(sys.stdin.buffer.read())
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever a reward prints is no reply

    def say(**reply: Any) -> None:
        replies.write(json.dumps(reply) + "\n")

    try:
        table = _table(job["rewards"])
        made = {name: table[name](args=_arguments(job["arguments"])) for name in job["rewards"]}
    except PipelineError as error:
        say(event="refused", what=error.what, where=error.where, fix=error.fix)
        return
    except Exception as error:  # a class of the user's that cannot be made
        say(event="refused", what=_told(error), where="grpo.rewards", fix="Mend its class.")
        return
    say(event=READY, needs={name: getattr(reward, "needs", []) for name, reward in made.items()})
    for name, reward in made.items():
        for kind, batch in job["batches"].items():
            say(event="begin", reward=name, kind=kind)
            begun = time.monotonic()
            try:
                values = call(reward, batch["completions"], batch["columns"])
            except Exception as error:
                say(event="failed", reward=name, kind=kind, what=_told(error), column=_column(error))
            else:
                say(event="rated", reward=name, kind=kind, values=values, seconds=time.monotonic() - begun)
    say(event=DONE)


def call(reward: Any, completions: Sequence[str], columns: Mapping[str, Any]) -> list[float | None]:
    """As ms-swift calls it (swift/rl_core/grpo_algorithm.py, compute_rewards_per_func)."""
    found = reward(list(completions), trainer_state=SimpleNamespace(global_step=0, max_steps=1), **columns)
    if inspect.iscoroutine(found):
        found = asyncio.run(_awaited(found))
    return found


async def _awaited(coroutine: Any) -> Any:
    return await coroutine


def _table(names: Sequence[str]) -> dict[str, Any]:
    """The rewards as the training's plugin registers them; ms-swift is imported only for one of its own."""
    file = os.environ.get(rewards.FILE_VARIABLE)
    own = rewards.names_in(Path(file)) if file else set()
    table: dict[str, Any] = {}
    if own is None or any(name not in own and name not in rewards.REWARDS for name in names):
        from swift.rewards import orms

        table = orms
    rewards.register(table, os.environ)
    for name in names:
        if name not in table:
            place = f"Define it in {file}" if file else "Set grpo.reward_file"
            raise PipelineError(
                f"there is no reward {name}", where="grpo.rewards", fix=f"{place}, or mend the name."
            )
    return table


def _arguments(given: Mapping[str, Any]) -> SimpleNamespace:
    """What a class of rewards is made of: the file's arguments, over ms-swift's defaults where it is loaded."""
    values: dict[str, Any] = {}
    if "swift" in sys.modules:
        from dataclasses import MISSING, fields

        from swift.arguments import RLHFArguments

        values = {field.name: field.default for field in fields(RLHFArguments) if field.default is not MISSING}
    values |= given
    # swift/arguments/rlhf_args.py and rlhf_trainers/arguments.py fill these in.
    for name in ("cosine_max_len", "soft_max_length"):
        if values.get(name) is None:
            values[name] = values.get("max_completion_length")
    return SimpleNamespace(**values)


def _told(error: Exception) -> str:
    if isinstance(error, rewards.RewardError | rewards.JudgeError):
        return str(error)
    frame, line = _raised(error)
    return f"{type(error).__name__}: {error} ({Path(frame.f_code.co_filename).name}:{line})"


def _column(error: Exception) -> str | None:
    """The column that a function looked for among its keyword arguments; a KeyError may be about any other map."""
    if not isinstance(error, KeyError):
        return None
    given = [value for value in _raised(error)[0].f_locals.values() if isinstance(value, dict)]
    missing = any("finish_reason" in columns and error.args[0] not in columns for columns in given)
    return str(error.args[0]) if missing else None


def _raised(error: Exception) -> tuple[FrameType, int]:
    """Where it was raised."""
    *_, (frame, line) = walk_tb(error.__traceback__)
    return frame, line


if __name__ == "__main__":
    main()
