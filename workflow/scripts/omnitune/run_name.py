"""The name of a run, as the config may hold it and a person types it: RUN=name."""

import re

from omnitune.errors import ExitCode, PipelineError

CHARACTERS = "[a-z0-9_-]"
LONGEST = 64


def check(run: str, command: str) -> None:
    """Refuse what cannot be the name of a run.

    Args:
        run: what was typed.
        command: the command as it should be typed.

    Raises:
        PipelineError: it is missing, or no name.
    """
    if not run:
        raise PipelineError("RUN is missing", fix=f"Run: {command}", code=ExitCode.USAGE)
    if not re.fullmatch(f"{CHARACTERS}{{1,{LONGEST}}}", run):
        raise PipelineError(
            f"RUN: {run!r} is no name of a run",
            fix=f"It has at most {LONGEST} lower-case letters, digits, _ and -.",
            code=ExitCode.USAGE,
        )
