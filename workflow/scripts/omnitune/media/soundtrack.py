"""The sound of a video as a file of its own: 16 kHz mono WAV, named by the video's content."""

import os
from functools import lru_cache
from pathlib import Path

from omnitune.publish import open_atomic, sha256
from omnitune.validation.codes import RowError


class Soundtracks:
    """Writes the sound of videos into one folder; a file that is there is not made again.

    Args:
        folder: made when the first track is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(os.path.realpath(folder))
        # Rows that share a video need not read it again to know its name.
        self._known = lru_cache(maxsize=4096)(self._extract)

    def extract(self, video: str) -> str:
        """The absolute path of the sound of `video`, all of its first audio track."""
        return self._known(video)

    def _extract(self, video: str) -> str:
        from omnitune.media import wav_writer

        try:
            path = self._folder / f"{sha256(Path(video))}.sound.{wav_writer.VERSION}.wav"
        except OSError as error:
            raise RowError("E063", f"{video} cannot be read ({error.strerror})") from None
        # It is renamed into place when it is whole.
        if not path.exists():
            with open_atomic(path) as file:
                wav_writer.write_wav(video, file, code="E135")
        return str(path)
