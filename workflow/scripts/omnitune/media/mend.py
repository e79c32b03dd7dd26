"""One medium put right: the work of a confined process."""

import errno
import uuid
from pathlib import Path
from typing import NamedTuple

import msgspec

from omnitune.media import mend_audio, mend_image, mend_video
from omnitune.media.examine import CRASH, LIMITS
from omnitune.publish import fsync_folder, sha256
from omnitune.validation.codes import Finding, RowError

# Of the recipes for pictures and clips: media that another one made are not taken for these.
VERSION = 1
# The sound of a video is put right into a file of its own.
CODES = {
    "audio": mend_audio.CODES,
    "image": mend_image.CODES,
    "video": mend_video.CODES,
    "soundtrack": frozenset(),
}
# What is decoded for it, which decides the finding of a file that takes too long.
DECODED = {"audio": "audio", "image": "image", "video": "video", "soundtrack": "video"}
# Bytes that what is made of a file may have: two hours of 4K as H.264 have fewer.
LARGEST = 32 << 30


class Task(NamedTuple):
    """What is to be made of one file.

    Attributes:
        modality: image, audio, video or soundtrack.
        path: the original; it is only read.
        codes: what is put right.
        folder: where the result goes.
        seconds: more sound or pictures than this are refused.
    """

    modality: str
    path: str
    codes: frozenset[str]
    folder: Path
    seconds: float


class Made(NamedTuple):
    """A process's reply: the path of what it made, or what is wrong with the file.

    Attributes:
        trouble: number of the error when it is the machine's fault, a full disk for example.
    """

    path: str = ""
    finding: Finding | None = None
    trouble: int = 0


def mend_file(task: Task, scratch: Path) -> str | Finding:
    """The path of what was made of the file, or why nothing was.

    Args:
        task: what is wanted.
        scratch: a folder of the file system of `task.folder`; what is there is nobody's after a kill.
    """
    try:
        output = task.folder / _name(task)
        if not output.exists():
            # Another process may be at a copy of the file.
            made = scratch / uuid.uuid4().hex / output.name
            _mend(task, made)
            # It is whole, and renamed into place.
            made.rename(output)
            fsync_folder(task.folder)
    except RowError as error:
        return error.finding
    return str(output)


def _name(task: Task) -> str:
    """By the original's content, what is put right and the recipe: equal wishes find one file."""
    if others := sorted(task.codes - CODES[task.modality]):
        raise RowError("E220", f"{task.path} has {', '.join(others)}, for which there is no recipe")
    try:
        digest = sha256(Path(task.path))
        suffix = mend_image.image_suffix(task.path, task.codes) if task.modality == "image" else ""
    except OSError as error:
        raise RowError("E063", f"{task.path} cannot be read ({error.strerror})") from None
    if task.modality in ("audio", "soundtrack"):
        from omnitune.media import wav_writer

        # One recipe for all sound, whatever was wrong with it.
        return f"{digest}.sound.{wav_writer.VERSION}.wav"
    return f"{digest}.{'-'.join(sorted(task.codes))}.{VERSION}{suffix or '.mp4'}"


def _mend(task: Task, output: Path) -> None:
    if task.modality == "image":
        mend_image.mend_image(task.path, task.codes, output)
    elif task.modality == "video":
        mend_video.mend_video(task.path, task.codes, output, task.seconds)
    else:
        mend_audio.mend_audio(task.path, output, task.seconds, "E080" if task.modality == "audio" else "E135")


def mend_encoded(job: tuple[Task, Path]) -> bytes:
    """The same as `mend_file`, in the form in which processes talk: `Made`; what a decoder raises is a finding."""
    task, limit = job[0], LIMITS[DECODED[job[0].modality]]
    try:
        made = mend_file(*job)
        answer = Made(finding=made) if isinstance(made, Finding) else Made(made)
    except MemoryError:
        answer = Made(finding=Finding(limit, f"{task.path} needs too much memory to be put right"))
    except Exception as error:  # (a decoder may raise anything)
        number = getattr(error, "errno", 0) if isinstance(error, OSError) else 0
        if number == errno.EFBIG:
            answer = Made(finding=Finding(limit, f"what is made of {task.path} is beyond {LARGEST >> 30} GiB"))
        elif number:
            answer = Made(trouble=number)
        else:
            answer = Made(finding=Finding(CRASH, f"{task.path} makes its decoder fail ({error!r:.200})"))
    return msgspec.msgpack.encode(answer)
