"""A medium read from its first byte to its last, once: its header, its digest, and whether it is all there."""

import os
import threading

import xxhash

from omnitune.media.endings import WHOLE, Ending, ending
from omnitune.media.facts import Limits, Opened, Probe
from omnitune.media.probe import FLAGS, PROBES, unreadable
from omnitune.media.wav_header import FIXED, WAVES
from omnitune.validation.codes import RowError

# Files below this are held in memory while they are looked at.
_SMALL = 4 << 20
_BLOCK = 1 << 20


def read_whole(
    modality: str, path: str, size: int, mtime_ns: int, limits: Limits, confined: bool = True
) -> tuple[Probe, str, Ending]:
    """What a medium's header says, the xxh3-128 digest of the file in hex, and how it ends.

    Args:
        modality: image, audio or video.
        path: of a regular file.
        size, mtime_ns: as they were seen; a file that has others by the end of the reading was changed.
        limits: what the header is held against.
        confined: whether this process may come to harm.

    Raises:
        RowError: why the file cannot be used at all.
        Unconfined: as `probe` does.
    """
    look, length = PROBES[modality]
    try:
        descriptor = os.open(path, FLAGS)
        try:
            buffer = _own.buffer
            read = os.preadv(descriptor, [buffer], 0)
            content = buffer[:read] if read < _SMALL else None  # nearly every file: all of it is in the buffer
            head = bytes(buffer[: min(length, read)])
            probe = look(Opened(path, descriptor, size, head, confined, content), limits)
            digest = xxhash.xxh3_128_hexdigest(content) if content else _hash(descriptor, size)
            # Of a WAV the reader of headers has compared the end.
            compared = probe.format in WAVES and probe.codec in FIXED
            found = WHOLE if compared else ending(content or _Parts(descriptor, size), size)
            refuse_changed(path, descriptor, size, mtime_ns)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unreadable(path, error) from None
    return probe, digest, found


def _hash(descriptor: int, size: int) -> str:
    """Of a file that fills the buffer; one that grows is left at the size it had."""
    buffer = _own.buffer
    digest, read = xxhash.xxh3_128(buffer), _SMALL
    block = buffer[:_BLOCK]
    # Libraries that look into the file leave the reading position anywhere.
    while read <= size and (count := os.preadv(descriptor, [block], read)):
        digest.update(block[:count])
        read += count
    return digest.hexdigest()


def refuse_changed(path: str, file: int | str, size: int, mtime_ns: int) -> None:
    """A RowError when the file is no longer what was seen."""
    state = os.stat(file)  # noqa: PTH116 (a descriptor, or a path that is a string all along)
    if (state.st_size, state.st_mtime_ns) != (size, mtime_ns):
        raise RowError("E078", f"{path} changed while it was read")


class _Own(threading.local):
    """Memory of a thread. It is kept, since memory that is new for every file costs more than the hash."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(_SMALL))


class _Parts:
    """The bytes of a file that is too large to be held."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor, self._size = descriptor, size

    def __getitem__(self, part: slice) -> bytes:
        start = part.start or 0
        # What a damaged file names may lie where no system call reaches.
        return os.pread(self._descriptor, part.stop - start, start) if start < self._size else b""


_own = _Own()
