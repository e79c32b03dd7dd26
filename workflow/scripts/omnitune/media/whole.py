"""A file read from its first byte to its last: its digest, and whether it is all there."""

import functools
import os
from collections.abc import Iterator

import xxhash

from omnitune.media.endings import Ending, ending
from omnitune.validation.codes import RowError

_BLOCK = 1 << 20


def read_whole(path: str, size: int, mtime_ns: int) -> tuple[str, Ending]:
    """The xxh3-128 digest of the file in hex, and how it ends.

    Args:
        path: of a regular file.
        size, mtime_ns: as they were seen; a file that has others by the end of the reading was changed.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        digest, read = xxhash.xxh3_128(), 0
        for block in _blocks(descriptor):
            digest.update(block)
            read += len(block)
            if read > size:
                break
        # A small file is in the buffer; of others only what tells the end is read again.
        if read < _BLOCK:
            found = ending(lambda place, count: bytes(_buffer()[place : min(place + count, read)]), read)
        else:
            found = ending(lambda place, count: os.pread(descriptor, count, place), read)
        refuse_changed(path, descriptor, size, mtime_ns)
    finally:
        os.close(descriptor)
    return digest.hexdigest(), found


def refuse_changed(path: str, file: int | str, size: int, mtime_ns: int) -> None:
    """A RowError when the file is no longer what was seen."""
    state = os.stat(file)  # noqa: PTH116 (a descriptor, or a path that is a string all along)
    if (state.st_size, state.st_mtime_ns) != (size, mtime_ns):
        raise RowError("E078", f"{path} changed while it was read")


@functools.cache
def _buffer() -> memoryview:
    # Kept: memory that is new for every file costs more than the hash.
    return memoryview(bytearray(_BLOCK))


def _blocks(descriptor: int) -> Iterator[memoryview]:
    buffer = _buffer()
    while count := os.readv(descriptor, [buffer]):
        yield buffer[:count]
        # A short read ends a regular file; the next would say so at the price of a system call.
        if count < _BLOCK:
            return
