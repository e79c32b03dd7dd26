"""json_schema: whether a completion's answer is JSON of the wanted form."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from omnitune.rewards.answer import answer_of, without_fence
from omnitune.rewards.schema_check import check_schema, fits


def json_schema(completions: Sequence[str], *, file: str, **_: Any) -> list[float]:
    """1 where the answer is JSON that fits the schema, else 0; a Markdown code block around it does no harm.

    Args:
        file: the schema, a JSON file; `schema_check` says which keywords it may use.
    """
    schema = read_schema(file)
    return [float(_fits(without_fence(answer_of(text)), schema)) for text in completions]


@cache
def read_schema(file: str) -> dict[str, Any]:
    """The schema of a file.

    Raises:
        OSError, ValueError: it cannot be read, is no JSON, or no schema that can be checked.
    """
    schema = json.loads(Path(file).read_bytes())
    if not isinstance(schema, dict):
        raise ValueError("a schema is a JSON object")
    check_schema(schema)
    return schema


def _fits(text: str, schema: dict[str, Any]) -> bool:
    try:
        return fits(json.loads(text), schema)
    except (ValueError, RecursionError):
        return False
