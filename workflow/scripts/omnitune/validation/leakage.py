"""What the sides of a split have in common, counted over the rows of its files."""

import sqlite3
from collections.abc import Mapping
from itertools import combinations
from typing import Any

from omnitune.validation.identity import CONTENT, DIGEST, PATH, QUESTION, TEXT
from omnitune.validation.index import GRPO, SFT, TEST, TRAIN, VAL

_SIDES = {"train": f"fate = {TRAIN}", "val": f"fate = {VAL}", "test": f"fate = {TEST}"}
_PAIRS = list(combinations(_SIDES, 2))
# `text`: turns and solution of rows with media, whatever the media; nothing keeps these apart.
_SORTS = {PATH: "path", DIGEST: "digest", CONTENT: "content", QUESTION: "question", TEXT: "text"}
# Rows that are in a file.
_USED = f"""
CREATE VIEW used AS
    SELECT rows.row, text, fate FROM rows JOIN fates USING (row)
    WHERE fate = {TEST} OR (fate < {TEST} AND fates.kind & {SFT | GRPO})"""


def leakage(index: sqlite3.Connection, eval_sources: Mapping[str, range]) -> dict[str, Any]:
    """How many files, questions and texts lie on both sides.

    Args:
        index: rows with their fates.
        eval_sources: the row numbers of each source that is for the test alone.

    Returns:
        `splits`: counts by sort for `train-val`, `train-test` and `val-test`; `eval_sources`: for train and val
        together against each of them.

    Raises:
        AssertionError: when anything but texts is shared: the rows were dealt wrongly.
    """
    benches = [f"row BETWEEN {rows.start} AND {rows.stop - 1}" for rows in eval_sources.values()]
    sides = _SIDES | {f"bench{number}": condition for number, condition in enumerate(benches)}
    pairs = [f"{one} AND {other}" for one, other in _PAIRS]
    pairs += [f"(train OR val) AND bench{number}" for number in range(len(benches))]
    counts = [dict.fromkeys(_SORTS.values(), 0) for _ in pairs]
    flags = ", ".join(f"max({condition}) AS {side}" for side, condition in sides.items())
    sums = ", ".join(f"coalesce(sum({pair}), 0)" for pair in pairs)
    index.execute(_USED)
    held = f"""
        SELECT sort, {sums} FROM (
            SELECT sort, {flags} FROM ties JOIN used USING (row) WHERE sort <= {QUESTION} GROUP BY tie
        ) GROUP BY sort"""
    texts = f"""
        SELECT {TEXT}, {sums} FROM (
            SELECT {flags} FROM used WHERE text IS NOT NULL GROUP BY text HAVING count(*) > 1
        )"""
    for sort, *found in [*index.execute(held), *index.execute(texts)]:
        for pair, count in zip(counts, found, strict=True):
            pair[_SORTS[sort]] = count
    if any(count for pair in counts for sort, count in pair.items() if sort != "text"):
        raise AssertionError(f"the splits share media or questions: {counts}")
    return {
        "splits": {"-".join(pair): counts[number] for number, pair in enumerate(_PAIRS)},
        "eval_sources": dict(zip(eval_sources, counts[len(_PAIRS) :], strict=True)),
    }
