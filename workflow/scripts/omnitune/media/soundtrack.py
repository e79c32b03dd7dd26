"""The sound of a video as a file of its own: 16 kHz mono WAV, named by the video's content."""

import math
import os
from pathlib import Path

from omnitune.config.validate import ValidateConfig
from omnitune.media.mend import Task
from omnitune.media.mender import Mender
from omnitune.media.urls import is_url
from omnitune.validation.codes import Finding, RowError


class Soundtracks:
    """Writes the sound of videos into one folder; a file that is there is not made again.

    Args:
        folder: made when the first track is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(os.path.realpath(folder))
        # Rows come one by one, so a second process would have nothing to do.
        self._mender = Mender(folder, ValidateConfig(processes=1))

    def extract(self, video: str) -> str:
        """The absolute path of the sound of `video`, all of its first audio track."""
        if is_url(video):
            what = f"{video} is a URL, and its sound cannot be taken from it before it is fetched"
            raise RowError("E071", what, "Download the file and name its local path, or set extract_audio: false.")
        (made,) = self._mender.make([Task("soundtrack", video, frozenset(), self._folder, math.inf)])
        if isinstance(made, Finding):
            raise RowError(*made)
        return made

    def close(self) -> None:
        """End the process that decodes."""
        self._mender.close()
