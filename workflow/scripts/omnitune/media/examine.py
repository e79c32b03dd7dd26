"""One medium, read or decoded: the work of a confined process."""

from typing import NamedTuple

import msgspec

from omnitune.config.validate import ValidateConfig
from omnitune.media.decode_audio import decode_audio
from omnitune.media.decode_image import decode_image
from omnitune.media.decode_video import decode_video
from omnitune.media.facts import Limits, Probe, Unconfined
from omnitune.media.inspection import Inspection
from omnitune.media.probe import probe
from omnitune.media.whole import read_whole, refuse_changed
from omnitune.validation.codes import Finding, RowError

# What a file gets that is more than its decoder may take, and one that its decoder fails on.
LIMITS = {"audio": "E093", "image": "E123", "video": "E222"}
CRASH = "E221"
_CUT = {"audio": "E081", "image": "E101", "video": "E136"}
_DECODERS = {"audio": decode_audio, "image": decode_image, "video": decode_video}


class Task(NamedTuple):
    """One medium to look at.

    Attributes:
        modality, path: of the medium.
        size, mtime_ns: of the file, when it was seen first.
        whole: whether it is read to its end, and not its header alone.
        probe: what its header says, when it is to be decoded; None: it is to be read.
    """

    modality: str
    path: str
    size: int
    mtime_ns: int
    whole: bool = True
    probe: Probe | None = None


_decode_task = msgspec.msgpack.Decoder(Task).decode


def examine_encoded(limits: Limits, task: bytes) -> bytes:
    """The same as `examine`, in the form in which processes talk."""
    return msgspec.msgpack.encode(examine(limits, _decode_task(task)))


def examine(limits: Limits, task: Task, confined: bool = True) -> Inspection:
    """What reading a medium tells, or what decoding it adds; whatever is wrong with it is a finding.

    Raises:
        Unconfined: a library must look at it, and this process is not confined.
    """
    try:
        return _decode(task, task.probe) if task.probe else _read(limits, task, confined)
    except Unconfined:
        raise
    except RowError as error:
        finding = error.finding
    except MemoryError:
        finding = Finding(LIMITS[task.modality], f"{task.path} needs too much memory to be decoded")
    except Exception as error:  # (a decoder may raise anything, and it is the file's fault)
        finding = Finding(CRASH, f"{task.path} makes its decoder fail ({error!r:.200})")
    return Inspection(None, (finding,))


def _of_header(found: Probe, digest: str = "") -> Inspection:
    findings = found.findings
    return Inspection(msgspec.structs.replace(found, findings=()) if findings else found, findings, digest)


def limits_of(settings: ValidateConfig) -> Limits:
    """The limits that the config has keys for, and the others' defaults."""
    return Limits(
        image_max_pixels=settings.image_max_pixels,
        audio_max_seconds=settings.audio_max_seconds,
        video_max_seconds=settings.video_max_seconds,
    )


def _read(limits: Limits, task: Task, confined: bool) -> Inspection:
    if not task.whole:
        return _of_header(probe(task.modality, task.path, limits, confined))
    found, digest, end = read_whole(task.modality, task.path, task.size, task.mtime_ns, limits, confined)
    seen = _of_header(found, digest)
    if end.fault:
        seen = seen.adding(Finding(_CUT[task.modality], f"{task.path} is cut off or damaged: {end.fault}"))
    if end.surplus:
        seen = seen.adding(Finding("E122", f"{task.path} has {end.surplus} bytes after its end"))
    return seen


def _decode(task: Task, probe: Probe) -> Inspection:
    found: Inspection = _DECODERS[task.modality](task.path, probe)
    refuse_changed(task.path, task.path, task.size, task.mtime_ns)
    return found
