"""WAV headers: RIFF, RF64 and W64 with samples of a fixed size.

A header may lie about the length, so the length is taken from the file and compared.
Sources: Microsoft's RIFF and WAVEFORMATEXTENSIBLE, EBU Tech 3306 (RF64), Sony's Wave64 of 2006.
"""

from struct import Struct

from omnitune.media.facts import Opened
from omnitune.media.sound import Sound
from omnitune.validation.codes import RowError

# libsndfile's names, by format tag and bits a sample.
_CODECS = {
    (1, 8): "PCM_U8",
    (1, 16): "PCM_16",
    (1, 24): "PCM_24",
    (1, 32): "PCM_32",
    (3, 32): "FLOAT",
    (3, 64): "DOUBLE",
    (6, 8): "ALAW",
    (7, 8): "ULAW",
}
# Formats and codecs whose length is told by the size of the file, and is compared with that of the header.
WAVES, FIXED = ("WAV", "WAVEX"), frozenset(_CODECS.values())
_EXTENSIBLE = 0xFFFE
# Every sub-format of an extensible header is a format tag and these bytes.
_SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")
_MAX_CHUNKS = 64
# Bytes of texts about a sound that are looked through.
_MAX_NOTES = 1_024
_CHUNK = Struct("<4sI")
_CHUNK64 = Struct("<4s12xQ")
_FORM = Struct("<HHI4xHH")
_PLAIN = Struct("<HHI4xHH4sI")
_PLAIN_START = b"WAVEfmt \x10\0\0\0"
_W64 = b"riff\x2e\x91\xcf\x11"


def read_wave(file: Opened) -> Sound | None:
    """The header of a WAV; None when it is no WAV, or one that needs a library.

    Only a file that holds the form of its samples, them and, in front of them, notes (LIST) is `plain`. Of other
    chunks, before the sound or behind it, libsndfile may refuse all of the file.

    Raises:
        RowError: E080 when it has no place for samples.
    """
    head = file.head
    if head.startswith(_PLAIN_START, 8) and head.startswith(b"RIFF") and len(head) >= 44:
        # fmt and data and nothing else: nearly every file.
        tag, channels, rate, block, bits, kind, length = _PLAIN.unpack_from(head, 20)
        if kind == b"data":
            return _sound("WAV", tag, channels, rate, block, bits, length, file.size - 44, True)
    if head[8:12] == b"WAVE":
        if head.startswith(b"RIFF"):
            return _read_riff(file, "WAV")
        if head.startswith((b"RF64", b"BW64")):
            return _read_riff(file, "RF64")
    return _read_w64(file) if head.startswith(_W64) else None


def _read_riff(file: Opened, name: str) -> Sound | None:
    head, form, long_size, plain = file.head, b"", 0, name == "WAV"
    at, near, end = 12, len(head) - 8, file.size - 8
    for _ in range(_MAX_CHUNKS):
        if at <= near:
            kind, length = _CHUNK.unpack_from(head, at)
        elif at <= end:
            kind, length = _CHUNK.unpack(file.read(at, 8))
        else:
            break
        at += 8
        if kind == b"data":
            if length == 0xFFFFFFFF and long_size:
                length = long_size
            return _described(name, form, length, file.size - at, plain)
        if kind == b"fmt ":
            plain &= not form and length == 16
            form = file.read(at, min(length, 40))
        elif kind == b"LIST" and form:
            plain &= _are_notes(file.read(at, min(length, _MAX_NOTES + 1)))
        else:
            plain = False
        if kind == b"ds64" and name == "RF64":
            long_size = int.from_bytes(file.read(at + 8, 8), "little")
        at += length + (length & 1)
    # libsndfile would go on looking through all of the file.
    raise RowError("E080", f"{file.path} is a WAV without samples (no data chunk)")


def _are_notes(content: bytes) -> bool:
    """Whether a LIST holds texts alone, such as the name of the program, one behind the other up to its end."""
    at, end = 4, len(content)
    while at + 8 < end <= _MAX_NOTES:
        kind, length = _CHUNK.unpack_from(content, at)
        if not (kind.isalpha() and kind.isupper() and kind[:1] == b"I"):
            return False
        at += 8 + length + (length & 1)
    return content.startswith(b"INFO") and at == end


def _read_w64(file: Opened) -> Sound | None:
    form, at = b"", 40
    for _ in range(_MAX_CHUNKS):
        chunk = file.read(at, 24)
        if len(chunk) < 24:
            return None
        kind, length = _CHUNK64.unpack(chunk)
        if length < 24:
            return None
        if kind == b"data":
            return _described("W64", form, length - 24, file.size - at - 24, False)
        if kind == b"fmt ":
            form = file.read(at + 24, min(length - 24, 40))
        at += length + -length % 8
    return None


def _described(name: str, form: bytes, length: int, there: int, plain: bool) -> Sound | None:
    """The facts, by the content of a `fmt ` chunk."""
    if len(form) < 16:
        return None
    tag, channels, rate, block, bits = _FORM.unpack_from(form)
    if tag == _EXTENSIBLE and len(form) == 40 and form[26:] == _SUBFORMAT and form[18] in (0, bits):
        tag = form[24] | form[25] << 8
        name = "WAVEX" if name == "WAV" else name
    return _sound(name, tag, channels, rate, block, bits, length, there, plain)


def _sound(
    name: str, tag: int, channels: int, rate: int, block: int, bits: int, length: int, there: int, plain: bool
) -> Sound | None:
    """The facts, when the form of the samples is one that is understood."""
    codec = _CODECS.get((tag, bits))
    if codec is None or not block or block * 8 != channels * bits:
        return None
    frames = length // block
    if length <= there:
        # An empty chunk that others follow, or a writer that was stopped: libsndfile tells them apart.
        ends = length + (length & 1) >= there
        known = length or not there
        return Sound(name, codec, rate, channels, frames, frames, plain=plain and ends) if known else None
    declared = -1 if name.startswith("WAV") and left_open(length) else frames
    return Sound(name, codec, rate, channels, there // block, declared, plain=plain)


def left_open(length: int) -> bool:
    """Whether writers put this into a data chunk when they cannot know its length: FFmpeg, SoX, arecord."""
    return length >= 0xFFFFFF00 or 0x7FFFF000 <= length <= 0x80000000
