"""Sound as libsndfile opens it, and what ms-swift makes of that.

ms-swift 4.6.0 (swift/template/vision_utils.py, _load_audio_soundfile_pyav) asks libsndfile first, and FFmpeg after
some of its errors alone; after the others the row is lost. Both environments hold the same libsndfile.
"""

import os
from typing import Any

_ASK_FFMPEG = (0, 1, 3, 4)
_REFUSED = "which libsndfile refuses, and ms-swift asks no other reader"
_FORWARD = "which libsndfile cannot seek in, and ms-swift does not read that"
_ENDLESS = "whose header leaves the length open, and ms-swift asks for memory without end"
# libsndfile answers with a number near 2**63 when a header leaves the length open.
NO_LENGTH = 2**60


def open_sound(descriptor: int) -> tuple[Any, str]:
    """The sound (`soundfile.SoundFile`), None when libsndfile refuses it; why ms-swift loses it, in words.

    The words are empty when ms-swift reads it or, of a sound that is refused, asks FFmpeg.
    """
    import soundfile

    # A file begins for libsndfile where the reading position is.
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        # By its number: a file named .raw would be taken for samples without a header.
        sound = soundfile.SoundFile(descriptor, closefd=False)
    except soundfile.LibsndfileError as error:
        return None, "" if error.code in _ASK_FFMPEG else _REFUSED
    if sound.frames >= NO_LENGTH:
        return sound, _ENDLESS
    # It says that it could in DWVW, and cannot.
    return sound, "" if sound.seekable() and not sound.subtype.startswith("DWVW") else _FORWARD
