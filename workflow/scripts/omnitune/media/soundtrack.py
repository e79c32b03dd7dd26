"""The sound of a video as a file of its own: 16 kHz mono WAV, named by the video's content."""

import os
import wave
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from omnitune.media.container import VIDEO_DEMUXERS, open_container
from omnitune.publish import open_atomic, sha256
from omnitune.validation.codes import RowError

RATE = 16_000


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
        try:
            path = self._folder / f"{sha256(Path(video))}.sound.wav"
        except OSError as error:
            raise RowError("E063", f"{video} cannot be read ({error.strerror})") from None
        # It is renamed into place when it is whole.
        if not path.exists():
            with open_atomic(path) as file:
                _write_sound(video, file)
        return str(path)


def _write_sound(video: str, output: BinaryIO) -> None:
    import av

    with open_container(video, VIDEO_DEMUXERS, "E135", "no video that can be opened") as container:
        if not container.streams.audio:
            raise RowError(
                "E140",
                f"{video} has no audio track, but extract_audio is true",
                "Add an audio track, or set extract_audio: false.",
            )
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        with wave.open(output, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(RATE)
            try:
                for frame in container.decode(audio=0):
                    _write(sound, resampler.resample(frame))
                _write(sound, resampler.resample(None))
            except (av.FFmpegError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                raise RowError("E135", f"the audio track of {video} cannot be decoded ({reason})") from None
            samples = sound.getnframes()
    if not samples:
        raise RowError("E082", f"the audio track of {video} has no samples")


def _write(sound: wave.Wave_write, frames: list[Any]) -> None:
    for frame in frames:
        sound.writeframesraw(bytes(frame.planes[0])[: 2 * frame.samples])
