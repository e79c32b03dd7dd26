"""What a media file's header says, read without decoding it.

Content decides what a file is, not its name. Common formats are read here; the rest is left to libraries, which
are imported on first use: a run without media never loads them.
"""

import os
from collections.abc import Callable

from omnitune.media.audio_header import probe_audio
from omnitune.media.facts import Limits, Opened, Probe
from omnitune.media.image_header import probe_image
from omnitune.media.paths import refuse_kind
from omnitune.media.video_header import probe_video
from omnitune.validation.codes import RowError

LIMITS = Limits()
# A FIFO opened without this waits for a writer.
FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
# The reader of each modality and the bytes that are read for it at once; most headers are not longer.
PROBES: dict[str, tuple[Callable[[Opened, Limits], Probe], int]] = {
    "audio": (probe_audio, 512),
    "image": (probe_image, 4096),
    "video": (probe_video, 4096),
}


def probe(modality: str, path: str, limits: Limits = LIMITS, confined: bool = True) -> Probe:
    """Read the header of the medium at `path`.

    Args:
        modality: image, audio or video.
        limits: what the header is held against.
        confined: whether this process may come to harm.

    Raises:
        RowError: why the file cannot be used at all; what is only noteworthy is in the probe's findings.
        Unconfined: a library must look at it, and this process is not confined.
    """
    read, length = PROBES[modality]
    try:
        fd = os.open(path, FLAGS)
        try:
            # A FIFO has no end to go to and a device ends where it begins; this costs a tenth of fstat.
            size = os.lseek(fd, 0, os.SEEK_END)
            if size <= 0:
                refuse_kind(path, os.fstat(fd))
            return read(Opened(path, fd, size, os.pread(fd, length, 0), confined), limits)
        finally:
            os.close(fd)
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: str, error: OSError) -> RowError:
    """Why a file cannot be read."""
    if isinstance(error, FileNotFoundError):
        return RowError("E061", f"no such file: {path}")
    refuse_kind(path, os.stat(path))  # noqa: PTH116 (the path is a string all along)
    return RowError("E063", f"{path} cannot be read ({error.strerror or error})")
