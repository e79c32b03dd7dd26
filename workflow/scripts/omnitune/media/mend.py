"""Media that a policy repairs: written anew under the run's folder, the originals untouched.

VERSION names the recipes: media that another one made are not taken for these.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from omnitune.media import mend_audio, mend_image, mend_video
from omnitune.media.inspect import Inspection
from omnitune.publish import sha256
from omnitune.validation.codes import Finding, RowError

VERSION = 1
CODES = {"audio": mend_audio.CODES, "image": mend_image.CODES, "video": mend_video.CODES}


class Task(NamedTuple):
    """What is to be made of one file.

    Attributes:
        modality: image, audio or video.
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


def mend_file(task: Task) -> str | Finding:
    """The path of what was made of the file, or why nothing was; it needs nothing but the task."""
    try:
        output = task.folder / _name(task)
        # It is renamed into place when it is whole.
        if not output.exists():
            _mend(task, output)
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
    if task.modality == "audio":
        # One recipe for all sound, whatever was wrong with it.
        return f"{digest}.sound.{VERSION}.wav"
    return f"{digest}.{'-'.join(sorted(task.codes))}.{VERSION}{suffix or '.mp4'}"


def _mend(task: Task, output: Path) -> None:
    if task.modality == "image":
        mend_image.mend_image(task.path, task.codes, output)
    elif task.modality == "audio":
        mend_audio.mend_audio(task.path, task.codes, output, task.seconds)
    else:
        mend_video.mend_video(task.path, task.codes, output, task.seconds)


class Mender:
    """Puts media right; rows that share a medium share what was made of it, or why nothing was.

    Args:
        folder: where they are written; made with the first.
        max_seconds: the longest sound or clip made of a file whose header does not tell its duration.
        work: does a task; another process may.
    """

    def __init__(
        self, folder: Path, max_seconds: float = 7200.0, work: Callable[[Task], str | Finding] = mend_file
    ) -> None:
        self._folder, self._max_seconds = Path(os.path.realpath(folder)), max_seconds
        self._known = lru_cache(maxsize=8192)(work)

    def mend(self, modality: str, path: str, inspection: Inspection) -> str:
        """The absolute path of the medium with all findings of `inspection` put right.

        Raises:
            RowError: says why it cannot be.
        """
        duration = inspection.probe.duration if inspection.probe else 0.0
        # A header may be a little wrong, but a file of a few bytes may hold hours of silence.
        seconds = 1.1 * duration + 10 if duration else self._max_seconds
        codes = frozenset(finding.code for finding in inspection.findings)
        made = self._known(Task(modality, path, codes, self._folder, seconds))
        if isinstance(made, Finding):
            raise RowError(*made)
        return made
