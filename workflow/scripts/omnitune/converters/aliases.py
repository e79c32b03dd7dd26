"""Other names for our roles, columns and turn keys, and the one that a misspelt name was probably meant to be.

A name of the tables says what it means; any other is at most asked about, since columns may be the user's own.
"""

import difflib
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from omnitune.readers import Notes
from omnitune.records import MODALITIES, ROLES
from omnitune.validation.codes import RowError

_ROLES = {
    **{name: name for name in ROLES},
    **dict.fromkeys(("human", "question", "prompter"), "user"),
    **dict.fromkeys(("gpt", "bot", "model", "ai", "chatgpt", "answer"), "assistant"),
    **dict.fromkeys(("observation", "observations", "function", "tool_response", "function_response"), "tool"),
    "developer": "system",
}
_TURN_KEYS = {
    **dict.fromkeys(("role", "roles", "from", "speaker"), "role"),
    **dict.fromkeys(("content", "contents", "value", "text"), "content"),
}
_MEDIA_NAMES = ("path", "paths", "file", "files", "filepath", "url", "urls")
_COLUMNS = {
    **dict.fromkeys(("conversation", "dialog", "dialogue", "message", "turns"), "messages"),
    "system_prompt": "system",
    **dict.fromkeys(("query", "prompt", "instruction", "problem"), "question"),
    **dict.fromkeys(("response", "output", "targets", "target", "answer_key", "answers", "completion"), "answer"),
    **{f"{kind}_{name}": f"{kind}s" for kind in MODALITIES for name in _MEDIA_NAMES},
    **dict.fromkeys(("img", "imgs"), "images"),
    **dict.fromkeys(("videoes", "vidoes", "vedio", "vedios"), "videos"),
}
# ms-swift's own names of a question and an answer, which it takes before any other of them.
SWIFT_NAMES = {"question": "query", "answer": "response"}
_LISTS = frozenset(f"{kind}s" for kind in MODALITIES)
# Longer names mean nothing to us, and are not worth remembering.
_LONGEST = 40
# A typo in one of these loses the row's media or turns.
_PRECIOUS = ("messages", *MODALITIES, *(f"{kind}s" for kind in MODALITIES))


def role_of(name: str) -> str:
    """The role that is meant by a name; empty when it is none that is known."""
    return _ROLES.get(name.strip().lower(), "")


def rename_columns(row: dict[str, Any], fields: Collection[str], notes: Notes) -> None:
    """Give columns under another name the field's own, where the row has no such field.

    Raises:
        RowError: two columns mean one field, or a column is misspelt and no table says what it means.
    """
    for column in [column for column in row if column not in fields]:
        field = field_of(column)
        if field not in fields or row[column] is None:
            if not field and len(column) <= _LONGEST and (meant := _misspelt(column)):
                raise RowError("E039", f'"{column}" is no column that is read', f'Did you mean "{meant}"?')
            continue
        if any(row.get(name) not in (None, [], "") for name in _spellings(field)):
            if "E039" in notes and f'as "{field}"' in notes["E039"]:
                raise RowError("E039", f'several columns may mean "{field}"', f'Call one of them "{field}".')
            continue  # a column of the user's own, beside ours
        # One path under a name in the singular is the usual form, as it is in "audio".
        name = field[:-1] if field in _LISTS and isinstance(row[column], str) else field
        row[name] = row.pop(column)
        words = f'column "{column}" is read as "{field}"'
        if column == "instruction" and isinstance(more := row.get("input"), str) and isinstance(row[name], str):
            # Alpaca's rows part a question in two.
            del row["input"]
            if more:
                row[name] = f"{row[name]}\n{more}" if row[name] else more
                words = f'columns "{column}" and "input" are read as "{field}"'
        note_name(words, notes)


def note_name(words: str, notes: Notes) -> None:
    """Note that a column is read under another name."""
    notes["E039"] = f"{notes['E039']}, {words}" if "E039" in notes else words


def _spellings(field: str) -> tuple[str, ...]:
    """The names under which a field is read as it is."""
    return tuple(filter(None, (field, field.removesuffix("s"), SWIFT_NAMES.get(field))))


def rename_keys(turn: Mapping[str, Any], number: int, notes: Notes) -> dict[str, Any]:
    """The turn with its keys as role and content; those that say nothing (null, as OpenAI writes them) may go.

    Raises:
        RowError: a key would be lost.
    """
    found: dict[str, Any] = {}
    for key, value in turn.items():
        if value is None and key not in ("role", "content"):
            continue
        known = _TURN_KEYS.get(key.strip().lower().replace("-", "_"), "")
        if not known or known in found or (known != key and known in turn):
            close = difflib.get_close_matches(key.lower(), ("role", "content"), n=1)
            hint = f'Did you mean "{close[0]}"?' if close and close[0] not in turn else ""
            raise RowError("E038", f'turn {number} has the key "{key[:40]}", which would be lost', hint)
        if known != key and not turn.keys() >= {"from", "value"}:
            notes.setdefault("E038", f'key "{key}" of turn {number} is read as "{known}"')
        found[known] = value
    return found


def field_of(column: str) -> str:
    """The field that a column under another name means; empty when it means none."""
    return _field(column) if len(column) <= _LONGEST else ""


@lru_cache(maxsize=1024)
def _field(column: str) -> str:
    plain = column.strip().lower().replace("-", "_").replace(" ", "_")
    return _COLUMNS.get(plain, plain if plain != column else "")


@lru_cache(maxsize=1024)
def _misspelt(column: str) -> str:
    """The precious column that `column` was probably meant to be; empty when it is none."""
    close = difflib.get_close_matches(column.lower(), _PRECIOUS, n=1, cutoff=0.86)
    return close[0] if close else ""
