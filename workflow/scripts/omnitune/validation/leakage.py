"""What the sides of a split have in common, counted over the rows of its files."""

import sqlite3
from collections.abc import Mapping
from itertools import combinations
from typing import Any

from omnitune.validation.identity import CONTENT, DIGEST, PATH, QUESTION, TEXT
from omnitune.validation.index import GRPO, MEDIA, SFT, TEST, TRAIN, VAL

_SIDES = {"train": f"fate = {TRAIN}", "val": f"fate = {VAL}", "test": f"fate = {TEST}"}
_PAIRS = list(combinations(_SIDES, 2))
# `text`: turns and solution of rows with media, whatever the media; nothing keeps these apart.
_SORTS = {PATH: "path", DIGEST: "digest", CONTENT: "content", QUESTION: "question", TEXT: "text"}
# Rows that are in a file, and what they hold. A question that is no group of several rows was asked once.
_USED = f"""
CREATE VIEW used AS
    SELECT rows.row, rows.kind, key, text, fate FROM rows JOIN fates USING (row)
    WHERE fate = {TEST} OR (fate < {TEST} AND fates.kind & {SFT | GRPO})"""
_HELD = f"""
CREATE VIEW held AS
    SELECT iif(kind & {MEDIA}, {PATH}, {QUESTION}) AS sort, key, row, fate FROM used
    WHERE kind & {MEDIA} OR key IN (SELECT root FROM groups)
    UNION ALL SELECT {PATH}, files.key, row, fate FROM files JOIN used USING (row)"""


def leakage(index: sqlite3.Connection, eval_sources: Mapping[str, range]) -> dict[str, Any]:
    """How many files, questions and texts lie on both sides.

    Args:
        index: rows with their fates.
        eval_sources: the row numbers of each source that is for the test alone.

    Returns:
        `splits`: counts by sort for `train-val`, `train-test` and `val-test`; `eval_sources`: for train and val
        together against each of them.

    Raises:
        AssertionError: when anything but texts is shared: the rows were grouped wrongly.
    """
    benches = [f"row BETWEEN {rows.start} AND {rows.stop - 1}" for rows in eval_sources.values()]
    sides = _SIDES | {f"bench{number}": condition for number, condition in enumerate(benches)}
    pairs = [f"{one} AND {other}" for one, other in _PAIRS]
    pairs += [f"(train OR val) AND bench{number}" for number in range(len(benches))]
    counts = [dict.fromkeys(_SORTS.values(), 0) for _ in pairs]
    names, most = ", ".join(sides), ", ".join(f"max({side}) AS {side}" for side in sides)
    flags = ", ".join(f"max({condition}) AS {side}" for side, condition in sides.items())
    sums = ", ".join(f"coalesce(sum({pair}), 0)" for pair in pairs)
    index.execute(_USED)
    index.execute(_HELD)
    # One sort at a time, each with a memory of its own.
    index.execute(f"CREATE TABLE sides(key INTEGER PRIMARY KEY, sort INT, {names})")
    index.execute(f"INSERT INTO sides SELECT key, max(sort), {flags} FROM held GROUP BY key")
    files = f"""
        SELECT sort, {sums} FROM (
            SELECT sort, {most} FROM (
                SELECT sort, key, {names} FROM sides
                UNION ALL SELECT facts.sort, other, {names} FROM facts JOIN sides USING (key)
            ) GROUP BY sort, key
        ) GROUP BY sort"""
    texts = f"""
        SELECT {TEXT}, {sums} FROM (
            SELECT {flags} FROM used WHERE text IS NOT NULL GROUP BY text HAVING count(*) > 1
        )"""
    for sort, *found in [*index.execute(files), *index.execute(texts)]:
        for pair, count in zip(counts, found, strict=True):
            pair[_SORTS[sort]] = count
    if any(count for pair in counts for sort, count in pair.items() if sort != "text"):
        raise AssertionError(f"the splits share media or questions: {counts}")
    return {
        "splits": {"-".join(pair): counts[number] for number, pair in enumerate(_PAIRS)},
        "eval_sources": dict(zip(eval_sources, counts[len(_PAIRS) :], strict=True)),
    }
