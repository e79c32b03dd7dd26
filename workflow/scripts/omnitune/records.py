"""The canonical record: what every converter makes and every later stage reads."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

ROLES = ("system", "user", "assistant", "tool")
Verdict = Literal["accepted", "repaired", "rejected", "duplicate"]
MODALITIES = ("image", "audio", "video")
MARKERS = {name: f"<{name}>" for name in MODALITIES}


class Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One turn; `content` holds one marker (`<image>`, `<audio>`, `<video>`) per medium, in order."""

    role: str
    content: str


class Medium(msgspec.Struct, omit_defaults=True, gc=False):
    """What the validate stage found out about one medium of a row; a field that does not apply is 0 or empty.

    Attributes:
        modality: image, audio or video.
        width, height: pixels.
        seconds: duration.
        digest: of the file's bytes (media: hash and decode).
        content: of the decoded samples or pixels, equal for re-encodings without loss (media: decode).
        origin: the file that it was made of, when it was put right.
        size, mtime_ns: bytes and time of change of the file as it was looked into.
    """

    modality: str
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    digest: str = ""
    content: str = ""
    origin: str = ""
    size: int = 0
    mtime_ns: int = 0


class Facts(msgspec.Struct, omit_defaults=True, gc=False):
    """What the validate stage found out about a good row.

    Attributes:
        tokens: length of prompt and answer together, media included; 0 when it was not counted.
        answer_tokens: of these, the ones that are learned.
        media: one entry a medium, in the order of `Record.media`.
    """

    tokens: int = 0
    answer_tokens: int = 0
    media: list[Medium] = []


class Record(msgspec.Struct, omit_defaults=True, gc=False):
    """One row of training or evaluation data.

    Attributes:
        id: unique over a run: `{source}/{user's id}` or `{source}/{line:08d}`.
        source: name of the source in the config.
        line: 1-based line (or element) of the source file.
        task: name of the metric set that scores the row.
        messages: the turns in order.
        images, audios, videos: absolute paths, in the order of their markers.
        solution: reference answer, when it is not the last assistant turn.
        extra: every other column of the row, kept as it was.
        repairs: codes of what the converter put right (a lone path made a list, for example).
        found: what that was, in words, by code; the validate stage takes it over into the ledger.
        facts: what the validate stage found out; no file of the split carries it.
    """

    id: str
    source: str
    line: int
    task: str
    messages: list[Message]
    images: list[str] = []
    audios: list[str] = []
    videos: list[str] = []
    solution: str | None = None
    extra: dict[str, Any] = {}
    repairs: list[str] = []
    found: dict[str, str] = {}
    facts: Facts | None = None

    def media(self) -> list[tuple[str, str]]:
        """(modality, path) of every medium of the row."""
        if not (self.images or self.audios or self.videos):
            return []
        return [(modality, path) for modality in MODALITIES for path in getattr(self, f"{modality}s")]

    def answer(self) -> str | None:
        """The reference answer: `solution`, else the last turn when it is the assistant's."""
        if self.solution is not None:
            return self.solution
        if self.messages and self.messages[-1].role == "assistant":
            return self.messages[-1].content
        return None

    def modality(self) -> str:
        """`text`, or the modalities of the row's media joined by `+`."""
        named = (("image", self.images), ("audio", self.audios), ("video", self.videos))
        return "+".join([modality for modality, paths in named if paths]) or "text"


class Unread(msgspec.Struct, gc=False):
    """A row that no record could be made of, and why; it keeps the row's place in the ledger.

    Attributes:
        source, line: as in a record.
        error: stable code of the reason.
        message: what was found and what to do, without the place.
        id: as in a record, when it could be read; else empty.
    """

    source: str
    line: int
    error: str
    message: str
    id: str = ""


class LedgerRow(msgspec.Struct, gc=False):
    """The verdict on one input row; every row of every source has exactly one.

    Attributes:
        verdict: accepted, repaired, rejected or duplicate.
        codes: stable codes of what was found (empty when nothing was).
        message: what, where and what to do, for a reader.
        split: the files the row went to, of train, val, test and grpo.
    """

    source: str
    line: int
    id: str
    verdict: Verdict
    codes: list[str] = []
    message: str = ""
    split: list[str] = []


Converted = Record | Unread

# Lines decoded at once; a chunk with an unread row in it is decoded line by line.
_CHUNK_BYTES = 64 * 1024
_encoder = msgspec.json.Encoder()
_record = msgspec.json.Decoder(Record)
_unread = msgspec.json.Decoder(Unread)
_ledger = msgspec.json.Decoder(LedgerRow)


def encode(row: msgspec.Struct | dict[str, Any]) -> bytes:
    """One JSON line, newline included."""
    return _encoder.encode(row) + b"\n"


def encode_lines(rows: Sequence[msgspec.Struct]) -> bytes:
    """One JSON line a row."""
    return _encoder.encode_lines(rows)


def read_converted(path: Path) -> Iterator[Converted]:
    """The lines of a convert stage's file: records and unread rows, in the source's order."""
    for lines in _chunks(path):
        try:
            yield from _record.decode_lines(lines)
        except msgspec.ValidationError:
            # encode() keeps the order of the fields, and only a record starts with its id.
            for line in lines.splitlines():
                yield _record.decode(line) if line.startswith(b'{"id"') else _unread.decode(line)


def read_records(path: Path) -> Iterator[Record]:
    """The records of a validate or split stage's file."""
    for lines in _chunks(path):
        yield from _record.decode_lines(lines)


def read_ledger(path: Path) -> Iterator[LedgerRow]:
    """The rows of a ledger file."""
    for lines in _chunks(path):
        yield from _ledger.decode_lines(lines)


def _chunks(path: Path) -> Iterator[bytes]:
    """The file in pieces that end with a line."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk + file.readline()
