"""Which columns of the rows are our fields: turns, question, answer, media."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

from omnitune.converters.source import MEDIA_COLUMNS
from omnitune.media.names import EXTENSIONS, modality_of_suffix
from omnitune.media.sniff import media_extension
from omnitune.records import MODALITIES

# Names in use for our fields, the likelier first.
_NAMES: Mapping[str, Sequence[str]] = {
    "question": (
        *("question", "prompt", "instruction", "query", "problem", "user", "human", "input", "question_text", "q"),
        *("task_prompt", "user_prompt", "input_text"),
    ),
    "answer": (
        *("answer", "response", "output", "completion", "target", "reply", "assistant", "label", "chosen"),
        *("transcript", "transcription", "answer_text", "output_text", "solution", "ground_truth", "caption", "a"),
    ),
    "system": ("system", "system_prompt", "system_message"),
    # A row without a question is a text and its media.
    "text": (
        *("text", "transcript", "transcription", "sentence", "caption", "description", "answer"),
        *("label", "target", "normalized_text", "raw_text", "response", "output"),
    ),
    "solution": ("solution", "ground_truth", "reference", "reference_answer", "gold", "final_answer"),
}
_TURN_COLUMNS = ("messages", "conversations")
_media_file = {
    modality: re.compile(rf"^data:{modality}/|\.(?:{extensions.replace(' ', '|')})$", re.IGNORECASE)
    for modality, extensions in EXTENSIONS.items()
}
# A column counts as a field's when this share of the rows has it.
_SHARE = 0.5
_INSIDE = "inside the row"


class Columns(NamedTuple):
    """What the columns were taken for.

    Attributes:
        format: messages, qa or unified.
        why: what gave the format away.
        columns: source column -> our field, where the names differ.
        notes: what a person should look at.
    """

    format: Literal["messages", "qa", "unified"]
    why: str
    columns: dict[str, str]
    notes: list[str]


def guess_columns(rows: Sequence[Mapping[str, Any]]) -> Columns | str:
    """The format and the map of columns, or why there is none."""
    turns = _best(rows, _TURN_COLUMNS, is_turns)
    if not turns:
        others = Counter(name for row in rows for name, value in row.items() if is_turns(value))
        turns = others.most_common(1)[0][0] if others else ""
    media, notes = _media_columns(rows)
    if turns and _count(rows, turns, is_turns) >= _SHARE * len(rows):
        columns = {} if turns in _TURN_COLUMNS else {turns: "messages"}
        return Columns("messages", f'"{turns}" holds turns', columns | media, notes)
    fields = {"question": _best(rows, _NAMES["question"], _is_text)}
    fields["answer"] = _best(rows, _NAMES["answer"], _is_text_or_number, taken=set(fields.values()))
    if not fields["question"]:
        return _unified(rows, media, notes) or _no_question(rows, media)
    fields |= {
        field: _best(rows, _NAMES[field], _is_text, set(fields.values())) for field in ("system", "solution")
    }
    notes += _look_at(rows, fields)
    why = f'"{fields["question"]}" reads as the question'
    why += f', "{fields["answer"]}" as the answer' if fields["answer"] else ""
    columns = {column: field for field, column in fields.items() if column and column != field}
    return Columns("qa", why, columns | media, notes)


def _unified(rows: Sequence[Mapping[str, Any]], media: dict[str, str], notes: list[str]) -> Columns | None:
    """Rows of a text and media; None when they have not both."""
    text = _best(rows, _NAMES["text"], _is_text_or_number)
    if not (text and _has_media(rows, media)):
        return None
    system = _best(rows, _NAMES["system"], _is_text)
    columns = {
        column: field for column, field in ((text, "text"), (system, "system")) if column not in ("", field)
    }
    return Columns("unified", f'media, and "{text}" as their text', columns | media, notes)


def _has_media(rows: Sequence[Mapping[str, Any]], media: Mapping[str, str]) -> bool:
    names = [*media, *(name for names in MEDIA_COLUMNS.values() for name in names)]
    return any(row.get(name) for row in rows for name in names)


def _no_question(rows: Sequence[Mapping[str, Any]], media: Mapping[str, str]) -> str:
    seen = list(dict.fromkeys(name for row in rows for name in row))
    found = ", ".join(f'"{name}"' for name in seen[:8]) + (", ..." if len(seen) > 8 else "")
    what = (
        "media but no column of turns, questions or texts"
        if _has_media(rows, media)
        else ("no column of turns or questions")
    )
    return f"the rows have {what} (columns: {found or 'none'})"


def _look_at(rows: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> Iterator[str]:
    """What the mapping cannot say."""
    if fields["question"] == "instruction" and _count(rows, "input", _is_text):
        yield '"input" is kept but not shown to the model: join it to "instruction" in the data.'
    answer, solution = fields["answer"], fields["solution"]
    if answer and solution:
        longer = sum(len(str(row.get(solution, ""))) > 3 * len(str(row.get(answer, ""))) for row in rows)
        if longer > len(rows) / 2:
            yield (
                f'"{solution}" is taken for the reference answer, but it is much longer than "{answer}": '
                "if it is a worked solution, rename it in the data."
            )


def _best(
    rows: Sequence[Mapping[str, Any]],
    names: Iterable[str],
    fits: Callable[[Any], bool],
    taken: set[str] | None = None,
) -> str:
    """The first column of a known name that enough rows have, else the one that most have; or nothing."""
    order = {name: place for place, name in enumerate(names)}
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(
            name
            for name, value in row.items()
            if _plain(name) in order and fits(value) and name not in (taken or ())
        )
    often = [name for name, count in counts.items() if count >= _SHARE * len(rows)]
    if often:
        return min(often, key=lambda name: (order[_plain(name)], name != _plain(name), name))
    return counts.most_common(1)[0][0] if counts else ""


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _count(rows: Sequence[Mapping[str, Any]], column: str, fits: Callable[[Any], bool]) -> int:
    return sum(fits(row.get(column)) for row in rows)


def is_turns(value: Any) -> bool:
    """Whether a value is a conversation: objects with role and content, or from and value."""
    if not (isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value)):
        return False
    return all({"role", "content"} <= turn.keys() or {"from", "value"} <= turn.keys() for turn in value)


def _is_text(value: Any) -> bool:
    # A path in a column called "input" or "user" is no question.
    return (
        isinstance(value, str) and bool(value.strip()) and not any(p.search(value) for p in _media_file.values())
    )


def _is_text_or_number(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, int) and not isinstance(value, bool))


def modality_of(value: Any) -> str:
    """The modality of a path or list of paths by the extension; empty when it is no medium."""
    items = [_name_of(item) for item in (value if isinstance(value, list) else [value])]
    if not items or not all(isinstance(item, str) for item in items):
        return ""
    for modality, pattern in _media_file.items():
        if all(pattern.search(item if len(item) < 4096 else item[:40]) for item in items):
            return modality
    return ""


def _name_of(item: Any) -> Any:
    """A path; for a medium inside the row a name that says what it is."""
    if isinstance(item, dict) and "bytes" in item:
        path = item.get("path")
        if isinstance(path, str) and modality_of_suffix(PurePosixPath(path).suffix):
            return path
        item = item["bytes"]
    return f"{_INSIDE}.{media_extension(item)}" if isinstance(item, bytes) else item


def _media_columns(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """Columns of media under other names than ours; one per modality."""
    own = {name for names in MEDIA_COLUMNS.values() for name in names}
    found: dict[str, Counter[str]] = {modality: Counter() for modality in MODALITIES}
    filled: Counter[str] = Counter()
    for row in rows:
        for name, value in row.items():
            filled[name] += value not in (None, "", [])
            if modality := modality_of(value):
                found[modality][name] += 1
    columns, notes = {}, []
    for modality, every in found.items():
        # A question may end in a file's name now and then.
        counts = Counter({name: count for name, count in every.items() if count >= _SHARE * filled[name]})
        named = [name for name in counts if name in own]
        others = [name for name, _ in counts.most_common() if name not in own]
        if others and not named:
            many = any(isinstance(row.get(others[0]), list) for row in rows)
            columns[others[0]] = f"{modality}s" if many else modality
            others = others[1:]
        notes += [f'"{name}" looks like {modality} files too, but is not shown to the model.' for name in others]
    return columns, notes
