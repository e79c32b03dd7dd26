"""A resumed GRPO goes on with the prompts that replace others where it was.

With dynamic sampling (DAPO) ms-swift replaces prompts whose completions all have one reward by others, from an
iterator of its own. A resumed training begins that anew, and would draw the same replacements again.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = "replacements.json"  # in a checkpoint
_ITERATOR = "dynamic_resample_iterator"


def follow(trainer: Any) -> None:
    """Let a trainer that is about to begin draw what its checkpoint says was drawn, and count from there."""
    iterator = getattr(trainer, _ITERATOR, None)
    if iterator is None:
        return
    drawn = _Counted(iterator)
    setattr(trainer, _ITERATOR, drawn)
    folder = trainer.args.resume_from_checkpoint
    noted = Path(folder) / FILE if folder else None
    if noted and noted.exists():  # an earlier version made none
        for _ in range(json.loads(noted.read_bytes())["drawn"]):
            next(drawn)


def save(trainer: Any, folder: Path) -> None:
    """Note in a checkpoint how many batches of replacements were drawn: as many by every process."""
    drawn = getattr(trainer, _ITERATOR, None)
    if drawn is not None:
        (folder / FILE).write_text(json.dumps({"drawn": drawn.count}))


class _Counted:
    """An iterator that knows how often it was asked."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._iterator = iterator
        self.count = 0

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> Any:
        self.count += 1
        return next(self._iterator)
