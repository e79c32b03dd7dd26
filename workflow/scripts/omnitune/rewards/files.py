"""The files that the rewards of a training are made of: another content of one is another training."""

import ast
from collections.abc import Iterator
from pathlib import Path

from omnitune.config.grpo import GrpoConfig


def files_of(settings: GrpoConfig) -> list[str]:
    """The user's file of rewards, what it imports from its own folder, and the files that options name."""
    own = [Path(settings.reward_file)] if settings.reward_file else []
    named = [file for reward in settings.rewards.values() for file in reward.files.values()]
    return list(dict.fromkeys([*map(str, [*own, *(one for path in own for one in beside(path))]), *named]))


def beside(path: Path) -> list[Path]:
    """The Python files that a file imports from its own folder, and what those import from there.

    They are read, not run: an import by a name that is made at run time is not seen.
    """
    found: dict[Path, None] = {}
    left = [path]
    while left:
        for file in _imported(left.pop(), path.parent):
            if file not in found and file != path:
                found[file] = None
                left.append(file)
    return sorted(found)


def _imported(path: Path, folder: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # whoever loads it says so
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), level=0):
                modules = [module]
            case _:
                continue
        for module in modules:
            top = folder / module.partition(".")[0]
            if top.with_suffix(".py").is_file():
                yield top.with_suffix(".py")
            # The whole of a package: which of its modules is meant is not always said.
            yield from top.rglob("*.py")
