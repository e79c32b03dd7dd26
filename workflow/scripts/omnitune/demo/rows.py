"""The demo's data folder: four task files in two source formats, and rows to pre-train on."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omnitune.demo import digits, shapes, sums, tones
from omnitune.demo.example import SUFFIX, Example, distinct
from omnitune.demo.files import write_bytes, write_lines
from omnitune.demo.names import by_name


@dataclass(frozen=True)
class Task:
    """A task file: its examples, its format, and how many rows it and pre-training get."""

    examples: Callable[[np.random.Generator], Iterator[Example]]
    format: Callable[[str, Example, str | None], dict]
    rows: int
    pretrain: int
    named: int = 0  # of the pre-training rows, how many ask for the digit's name


def as_messages(row_id: str, example: Example, media: str | None) -> dict:
    """The row in ms-swift's own form: a chat, with a marker where the media stands."""
    marker = f"<{example.kind}>" if example.kind else ""
    row: dict = {
        "id": row_id,
        "messages": [
            {"role": "user", "content": marker + example.question},
            {"role": "assistant", "content": example.answer},
        ],
    }
    if example.kind:
        row[f"{example.kind}s"] = [media]
    return row


def as_qa(row_id: str, example: Example, media: str | None) -> dict:
    """The row as a flat question and answer."""
    row = {"id": row_id, "question": example.question, "answer": example.answer}
    return row | ({example.kind: media} if example.kind else {})


TASKS = {
    "digits": Task(digits.examples, as_messages, rows=1050, pretrain=740, named=629),
    "tones": Task(tones.examples, as_messages, rows=1050, pretrain=400, named=376),
    "shapes": Task(shapes.examples, as_qa, rows=350, pretrain=300),
    "sums": Task(sums.examples, as_qa, rows=400, pretrain=80),
}


def write_data(folder: Path, seed: int) -> None:
    """Write TASK.jsonl for each task, pretrain.jsonl and media/; paths in rows are relative to the folder.

    Pre-training has its own examples: it shares no media and no sum with the task files.
    """
    pretrain: list[dict] = []
    for number, (name, task) in enumerate(TASKS.items()):
        rng = np.random.default_rng([seed, number])
        chosen = list(itertools.islice(distinct(task.examples(rng)), task.rows + task.pretrain))
        own, held_out = chosen[: task.rows], chosen[task.rows :]
        held_out[: task.named] = map(by_name, held_out[: task.named])
        write_lines(folder / f"{name}.jsonl", write_rows(folder, name, own, task.format))
        pretrain += write_rows(folder, f"pretrain-{name}", held_out, as_messages)
    order = np.random.default_rng([seed, len(TASKS)]).permutation(len(pretrain))
    write_lines(folder / "pretrain.jsonl", [pretrain[index] for index in order])


def write_rows(folder: Path, stem: str, examples: list[Example], form: Callable) -> list[dict]:
    """Write the examples' media and return their rows."""
    rows = []
    for number, example in enumerate(examples):
        row_id, media = f"{stem}-{number:04d}", None
        if example.kind and example.media:
            media = f"media/{stem}/{number:04d}{SUFFIX[example.kind]}"
            write_bytes(folder / media, example.media)
        rows.append(form(row_id, example, media))
    return rows
