"""Prompts and completions as ms-swift hands them to a reward: a list of completions, and one list a column."""

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnitune.reward_lab.completions import Completion, completions
from omnitune.rewards.call import COLUMNS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Row = dict[str, Any]
# What ms-swift gives of its own besides the rows' columns (swift/rl_core/data.py, to_reward_row).
GIVEN = frozenset(
    {
        *(
            "messages",
            "prompt_id",
            "request_id",
            "finish_reason",
            "is_truncated",
            "rollout_infos",
            "trainer_state",
        ),
        *("response_token_ids", "images", "videos", "audios"),
    }
)


def drawn(path: Path, count: int, seed: int) -> tuple[list[Row], Counter[str], int]:
    """`count` prompts of a file, drawn evenly, how many of all hold each column, and how many there are."""
    chosen: list[Row] = []
    holding: Counter[str] = Counter()
    numbers, number = random.Random(seed), 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            row = json.loads(line)
            holding.update(name for name, value in columns_of_row(row).items() if value is not None)
            # Vitter's algorithm R: every row with the same chance, in one pass.
            if len(chosen) < count:
                chosen.append(row)
            elif (place := numbers.randrange(number)) < count:
                chosen[place] = row
    return chosen, holding, number


def columns_of_row(row: Mapping[str, Any]) -> Row:
    """A row's columns, the user's own unpacked."""
    packed = row.get(COLUMNS)
    rest = {name: value for name, value in row.items() if name != COLUMNS}
    return rest | (json.loads(packed) if packed else {})


def batches(rows: Sequence[Row], tokenizer: "Tokenizer", *, seed: int, longest: int) -> dict[str, dict[str, Any]]:
    """kind -> {"completions": texts, "columns": name -> one value each}, for every kind of completion.

    Args:
        rows: prompts of grpo.jsonl.
        tokenizer: the base's.
        seed: of the garbage.
        longest: tokens at which the policy is cut off.
    """
    known = [row | {"solution": columns_of_row(row).get("solution")} for row in rows]
    made = {}
    for kind, found in completions(known, seed=seed, longest=longest).items():
        cut = [_cut(completion, tokenizer, longest) for completion in found]
        sampled = [
            _row(row, number, text, ids, completion.finished)
            for number, (row, completion, (text, ids)) in enumerate(zip(rows, found, cut, strict=True))
        ]
        names = dict.fromkeys(name for row in sampled for name in row)
        columns = {name: [row.get(name) for row in sampled] for name in names}
        made[kind] = {"completions": [text for text, _ in cut], "columns": columns}
    return made


def _cut(completion: Completion, tokenizer: "Tokenizer", longest: int) -> tuple[str, list[int]]:
    ids = tokenizer.encode(completion.text, add_special_tokens=False).ids
    if completion.finished:
        return completion.text, ids
    return tokenizer.decode(ids[:longest], skip_special_tokens=False), ids[:longest]


def _row(row: Row, number: int, text: str, ids: list[int], finished: bool) -> Row:
    return row | {
        "messages": [*row["messages"], {"role": "assistant", "content": text}],
        "prompt_id": f"prompt-{number}",
        "request_id": f"request-{number}",
        "finish_reason": "stop" if finished else "length",
        "is_truncated": not finished,
        "rollout_infos": {},
        "response_token_ids": ids,
    }
