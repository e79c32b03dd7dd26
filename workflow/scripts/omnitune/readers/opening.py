"""A file of rows, opened as UTF-8 with line feeds, whatever it was written in.

UTF-16 and bare carriage returns are written anew into a temporary file, streamed: every reader, and every part of
a file, then sees the same text.
"""

import codecs
import io
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from omnitune.errors import ExitCode, PipelineError
from omnitune.media.sniff import media_extension, sniff
from omnitune.readers.row import Notes
from omnitune.validation.codes import CODES

BOM = codecs.BOM_UTF8
HEAD_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
# The mark of UTF-32 begins with that of UTF-16, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@contextmanager
def open_text(path: Path, notes: Notes | None = None, line_ends: bool = True) -> Iterator[BinaryIO]:
    """The file at its beginning, with what was put right in `notes`; a UTF-8 mark is left in it.

    Args:
        path: a regular file.
        notes: where E003 to E006 are noted.
        line_ends: whether carriage returns matter; to CSV and JSON arrays they do not.

    Raises:
        PipelineError: it is empty, compressed, or no file that can be read.
    """
    notes = {} if notes is None else notes
    head = read_head(path)
    encoding = _encoding(head)
    # A unit of UTF-16 that is cut off holds nothing.
    text = head.decode(encoding, "ignore").encode() if encoding else head
    if found := _wrong_file(head, text):
        raise refused(path, *found)
    returns = line_ends and b"\r" in text and b"\n" not in text
    if head.startswith(BOM):
        notes["E003"] = "the file begins with a byte order mark"
    if encoding:
        notes["E006"] = f"the file is {encoding.upper()[:6]}, read as UTF-8"
    if returns:
        notes["E005"] = "lines end with CR alone"
    elif line_ends and b"\r\n" in text:
        notes["E004"] = "lines end with CRLF"
    with path.open("rb") as file:
        if encoding or returns:
            with tempfile.TemporaryFile() as copy:
                try:
                    _recode(file, copy, encoding or "utf-8", returns)
                except UnicodeDecodeError:
                    raise refused(path, "E006", f"is damaged {encoding.upper()[:6]}") from None
                except OSError as error:
                    error.filename = error.filename or tempfile.gettempdir()
                    raise
                copy.seek(0)
                yield cast(BinaryIO, copy)
        else:
            yield file


def read_head(path: Path) -> bytes:
    """How a regular file begins."""
    try:
        # A FIFO or device could block for ever when it is opened, so it never is.
        if not stat.S_ISREG(path.stat().st_mode):
            raise PipelineError(
                "is not a regular file", where=str(path), fix="Give a file of rows.", finding="E025"
            )
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except FileNotFoundError:
        raise PipelineError(
            "no such file", where=str(path), fix="Correct the path, or put the file there."
        ) from None
    except OSError as error:
        raise PipelineError(
            f"cannot be read ({error.strerror})",
            where=str(path),
            fix="Correct the path, or the file's rights.",
        ) from None


def is_binary(path: Path) -> bool:
    """Whether a file holds bytes that no text has."""
    head = read_head(path)
    return b"\0" in head and not _encoding(head)


def refused(path: Path, code: str, what: str) -> PipelineError:
    """The error for a file that is refused whole."""
    return PipelineError(what, where=str(path), fix=CODES[code].fix, code=ExitCode.DATA, finding=code)


def _wrong_file(head: bytes, text: bytes) -> tuple[str, str] | None:
    """(code, what) of a file that is no text, judged by how it begins; `text` is that in UTF-8."""
    if head.startswith(b"\x1f\x8b"):
        return "E025", "is compressed with gzip"
    if head.startswith(b"PK\x03\x04"):
        return "E025", "is a ZIP archive"
    # A table may begin with "BMI".
    if b"\0" in head and media_extension(head):
        return "E025", f"is no file of rows ({sniff(head)})"
    if head and not head.strip(b"\0"):
        return "E008", "begins with nothing but NUL bytes" if len(head) == HEAD_BYTES else "holds NUL bytes alone"
    rows = text.replace(BOM, b"").strip(b" \t\r\n\v\f\0")
    return ("E022", "has no rows") if not rows and len(head) < HEAD_BYTES else None


def _encoding(head: bytes) -> str:
    """The encoding of a text that is not UTF-8; empty when nothing speaks against UTF-8."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    # Without a mark: rows begin with ASCII, which UTF-16 writes with a zero at every second place.
    begin = head[:64]
    zeros = (begin[0::2].count(0), begin[1::2].count(0))
    if max(zeros) * 4 >= len(begin) and min(zeros) == 0:
        return "utf-16-be" if zeros[0] else "utf-16-le"
    return ""


def _recode(file: IO[bytes], copy: IO[bytes], encoding: str, returns: bool) -> None:
    """Write the rest of `file` to `copy` as UTF-8, with line feeds for carriage returns if told.

    Half a surrogate pair stays one, and a unit that is cut off at the end is left out: both spoil one row only.
    """
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    while chunk := file.read(_CHUNK_BYTES):
        # UTF-8 is not decoded, so that a bad byte spoils its own row only.
        text = chunk if encoding == "utf-8" else decoder.decode(chunk).encode("utf-8", "surrogatepass")
        copy.write(text.replace(b"\r", b"\n") if returns else text)


def as_text(file: BinaryIO) -> io.TextIOWrapper:
    """The opened file as characters with its line ends; bytes that are not UTF-8 become half surrogates."""
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
