"""Which rows a step is made of: no id reaches the trainer, but the order in which it reads follows from seeds."""

import json
import math
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path
from typing import Any


def ids(trainer: Any) -> list[str]:
    """Ids of the rows that this process reads for the step at work.

    Returns:
        none where that is not known: of rows that were encoded before (`cached_dataset`), and of GRPO, which
        repeats its prompts.
    """
    arguments = json.loads((Path(trainer.args.output_dir) / "args.json").read_bytes())
    dataset = getattr(trainer.train_dataset, "dataset", None)
    if dataset is None or len(arguments["dataset"]) != 1 or arguments.get("rlhf_type"):
        return []
    positions = _positions(trainer)
    # ms-swift shuffles what it has read, line by line, before it trains.
    shuffled = dataset._indices
    numbers = [shuffled.column(0)[at].as_py() if shuffled else at for at in positions]
    rows = _lines(Path(arguments["dataset"][0]), numbers)
    found = [rows[number] for number in numbers]
    same = all(_answer(row) == _answer(dataset[at]) for row, at in zip(found, positions, strict=True))
    return [row["id"] for row in found] if same else []


def _positions(trainer: Any) -> list[int]:
    """Those of the rows in the dataset as the trainer has it."""
    sampler, accumulated = trainer.get_train_dataloader().batch_sampler, trainer.args.gradient_accumulation_steps
    epoch, step = divmod(trainer.state.global_step, math.ceil(len(sampler) / accumulated))
    sampler.set_epoch(epoch)
    return list(chain.from_iterable(islice(sampler, step * accumulated, (step + 1) * accumulated)))


def _lines(path: Path, numbers: Iterable[int]) -> dict[int, Any]:
    wanted = set(numbers)
    with path.open("rb") as file:
        return {number: json.loads(line) for number, line in enumerate(file) if number in wanted}


def _answer(row: Any) -> Any:
    return row["messages"][-1]["content"]
