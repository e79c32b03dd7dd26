"""Settings of single media, as ms-swift's and Qwen's rows may carry them.

The pipeline reads all media alike, so a row with a setting of its own would be trained on something else than was
meant. What is wrong with the setting itself is told first.
"""

from collections.abc import Collection, Mapping
from typing import Any

from omnitune.readers import Notes
from omnitune.validation.codes import RowError

NUMBERS = (
    *("video_start", "video_end", "start", "end", "fps", "nframes", "min_frames", "max_frames"),
    *("min_pixels", "max_pixels", "total_pixels", "resized_height", "resized_width", "sampling_rate"),
)
# Columns of ms-swift that change what a row teaches, and what they are.
_COLUMNS = {
    "chat_template_kwargs": "settings of its own",
    "mm_processor_kwargs": "settings of its own",
    "objects": "boxes",
    "tools": "tools",
    "rejected_response": "a rejected answer",
    "history": "turns before its own",
    **{f"rejected_{name}": "a rejected answer" for name in ("messages", "images", "audios", "videos", "tools")},
    **{f"{kind}_messages": "texts to compare with" for kind in ("positive", "negative")},
}
# ms-swift takes these as JSON in a text too.
_EMPTY = ("[]", "{}", "null")


def note_columns(row: Mapping[str, Any], fields: Collection[str], notes: Notes) -> None:
    """Note a column of ms-swift that is lost, being none of the fields; a RowError says what is wrong with one."""
    for column, what in _COLUMNS.items():
        if column in row and column not in fields and not _is_empty(row[column], column):
            if isinstance(row[column], dict):
                note_settings(row[column], f'"{column}"', notes)
            notes.setdefault("E213", f'the row has {what} ("{column}"), which would be lost')
    # Any other label is a class, and a column of the user's own.
    if row.get("label") is False:
        notes.setdefault("E213", 'the row says that its answer is a bad one ("label": false), and would teach it')


def _is_empty(value: Any, column: str) -> bool:
    if isinstance(value, str) and column != "rejected_response":
        return not value or value.strip() in _EMPTY
    # A table gives every row all the keys that any of its rows has.
    return not value or (isinstance(value, dict) and all(one is None or one == [] for one in value.values()))


def note_settings(values: Mapping[str, Any], where: str, notes: Notes) -> None:
    """Note what a part or column sets of how a medium is read; a RowError says what is wrong with it."""
    found = {name: values[name] for name in NUMBERS if values.get(name) is not None}
    if not found:
        return
    for name, value in found.items():
        if isinstance(value, str):
            raise RowError("E052", f'"{name}" of {where} is the text "{value[:20]}"')
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RowError("E052", f'"{name}" of {where} is no number', "Give a number.")
    if "fps" in found and "nframes" in found:
        raise RowError("E054", f"{where} has both fps and nframes")
    for prefix in ("video_", ""):
        start, end = found.get(f"{prefix}start", 0), found.get(f"{prefix}end")
        if start < 0 or (end is not None and end <= start):
            raise RowError("E053", f"{where} is cut from {start} to {'its end' if end is None else end} s")
    names = ", ".join(found)
    notes.setdefault("E213", f"{where} sets {names}, which would be lost: all media are read alike")
