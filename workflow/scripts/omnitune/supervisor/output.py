"""A command's output on its way into the log: without secrets, progress bars as lines, the end kept at hand."""

import os
import re
import threading
import time
from pathlib import Path
from typing import BinaryIO

from omnitune.supervisor.redaction import Redactor

TAIL_BYTES = 64 * 1024
_LONGEST_LINE = 256 * 1024
# A bar that is drawn for hours without a line's end is written down this often.
_BAR_SECONDS = 60.0
_JOIN_SECONDS = 5.0
_ENDS = re.compile(rb"\r*\n|\r")


def keep_last(log: Path) -> None:
    """Put the log of the attempt before aside, as `{log}.1`, in the place of an older one.

    What is no plain file stays: a device belongs to the machine.
    """
    if log.is_file() and not log.is_symlink():
        log.replace(log.with_name(f"{log.name}.1"))


class Output:
    """Reads a pipe in a thread of its own until all its writers are gone, and writes the log.

    The log of the attempt before is kept.

    Attributes:
        received: bytes that came so far: growth is a sign of life.
        failed: why the log could not be written; what comes after it is dropped, so that nobody is held up.
    """

    def __init__(self, pipe: int, log: Path, redactor: Redactor) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        keep_last(log)
        self._file: BinaryIO = log.open("wb")
        self._pipe, self._redactor = pipe, redactor
        self._rest = self._bar = self._tail = b""
        self._drawn = time.monotonic()
        self._over = False
        self.received = 0
        self.failed: OSError | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()
        self._over = True
        self._file.close()

    @property
    def tail(self) -> str:
        """The end of what was written."""
        return self._tail.decode(errors="replace")

    def finish(self) -> None:
        """Wait for the last words of a command that has ended."""
        self._thread.join(_JOIN_SECONDS)  # longer only if a process that is not ours holds the pipe

    def add(self, text: str) -> None:
        """Write a line of our own after them."""
        begin = "" if not self._tail or self._tail.endswith(b"\n") else "\n"
        self._write(f"{begin}{text}\n".encode())

    def _read(self) -> None:
        while not self._over and (chunk := os.read(self._pipe, 64 * 1024)):
            self.received += len(chunk)
            self._take(chunk)
        self._write_line(self._rest.rstrip(b"\r") or self._bar, end=b"")

    def _take(self, chunk: bytes) -> None:
        begin, text = 0, self._rest + chunk
        # A return at the very end may be half of a line's end: it is looked at with the next bytes.
        for found in _ENDS.finditer(text, 0, len(text) - text.endswith(b"\r")):
            piece, begin = text[begin : found.start()], found.end()
            if found[0].endswith(b"\n"):
                self._write_line(piece or self._bar)
                self._bar = b""
            elif piece.strip():
                self._bar = piece  # it takes the place of the one before
        self._rest = text[begin:]
        if len(self._rest) > _LONGEST_LINE:
            self._write_line(self._rest)
            self._rest = b""
        if self._bar and time.monotonic() - self._drawn > _BAR_SECONDS:
            self._write_line(self._bar)

    def _write_line(self, line: bytes, end: bytes = b"\n") -> None:
        self._drawn = time.monotonic()
        self._write(
            self._redactor.hide(line.decode(errors="surrogateescape")).encode(errors="surrogateescape") + end
        )

    def _write(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        if self.failed is None and not self._over:
            try:
                self._file.write(data)
                self._file.flush()
            except OSError as error:
                self.failed = error
