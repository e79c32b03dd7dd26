"""Turns that call a tool, as ms-swift's rows write them, as what the assistant says.

swift/template/base.py, Template._preprocess_tool_call, with the agent template of Qwen's models
(swift/agent_template/hermes.py), which swift_owned.py keeps.
"""

import ast
import json
from typing import Any

from omnitune.converters.source import shorten
from omnitune.validation.codes import RowError

ROLES = ("tool_call", "function_call", "tool-call", "function-call")


def call_text(content: Any, turn: int) -> str:
    """The text of a call: {name, arguments}, as an object or written as one.

    Raises:
        RowError: it is no call.
    """
    call = _read(content)
    arguments = None
    if isinstance(call, dict) and isinstance(call.get("name"), str):
        arguments = call.get("arguments")
        arguments = _read(call.get("parameters") if arguments is None else arguments)
    if arguments is None:
        raise RowError(
            "E030",
            f"turn {turn} is to call a tool, but is {shorten(content)}",
            'Write {"name": "the tool", "arguments": {...}}.',
        )
    text = json.dumps({"name": call["name"], "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>\n{text}\n</tool_call>"


def _read(value: Any) -> Any:
    """What a text says as JSON or as Python writes it; None when it is neither."""
    if not isinstance(value, str):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            return read(value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
    return None
