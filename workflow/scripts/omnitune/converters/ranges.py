"""Settings of single media, as ms-swift's and Qwen's rows may carry them.

The pipeline reads all media alike, so a row with a setting of its own would be trained on something else than was
meant. What is wrong with the setting itself is told first.
"""

from collections.abc import Mapping
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
    "rejected_messages": "a rejected answer",
}


def note_columns(row: Mapping[str, Any], notes: Notes) -> None:
    """Note a column of ms-swift that is lost; a RowError says what is wrong with one."""
    for column, what in _COLUMNS.items():
        if row.get(column):
            if isinstance(row[column], dict):
                note_settings(row[column], f'"{column}"', notes)
            notes.setdefault("E213", f'the row has {what} ("{column}"), which would be lost')


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
