"""What differs from row to row of one source, noted once: ids of two types, rows of several forms."""

from typing import Any

from omnitune.readers import Notes


class Mixture:
    """Compares each row with the first of its source."""

    def __init__(self) -> None:
        self._id: type | None = None
        self._form = ""
        self._told: set[str] = set()

    def add(self, own_id: Any, form: str, notes: Notes) -> None:
        """Look at a row's own id and form; the first that differ are noted."""
        if own_id is not None and type(own_id) is not self._id:
            if self._id is not None:
                self._tell("E017", "ids are numbers in some rows and texts in others; all are texts now", notes)
            self._id = type(own_id)
        if form != self._form:
            if self._form:
                self._tell("E059", f"some rows are {self._form}, others {form}", notes)
            self._form = form

    def _tell(self, code: str, what: str, notes: Notes) -> None:
        if code not in self._told:
            self._told.add(code)
            notes[code] = what
