"""What the readers of audio headers find out."""

import msgspec

# Hz, of what the model hears.
WANTED_RATE = 16_000
_INTEGERS = "whose integers ms-swift does not scale at 16 kHz: it would be heard as noise beyond full scale"
# Codecs whose decoders in FFmpeg give out numbers between -1 and 1.
_FLOATING = {"aac", "mp3", "mp2", "opus", "vorbis", "ac3", "eac3", "amr_nb", "amr_wb", "wmav1", "wmav2", "wmapro"}


class Sound(msgspec.Struct, frozen=True, gc=False):
    """An audio file, by its header.

    Attributes:
        format, codec: libsndfile's names, or FFmpeg's where that read the file.
        rate: Hz.
        channels: their number.
        frames: samples a channel that the file has.
        declared: samples a channel that the header says; -1 when it leaves them open, as a stream does.
        tracks: audio tracks in the file; the first is the one described.
        counted: whether `frames` is a count, and no estimate by the bit rate.
        decoded: samples a channel that FFmpeg decodes; 0 when that is not known, or libsndfile reads the file.
        refused: why the training's reader fails on it or gets it wrong, in words; empty when it does not.
        plain: whether the file holds nothing else that its reader could stumble over.
    """

    format: str
    codec: str
    rate: int
    channels: int
    frames: int
    declared: int
    tracks: int = 1
    counted: bool = True
    decoded: int = 0
    refused: str = ""
    plain: bool = True


def unscaled(codec: str, rate: int) -> str:
    """Why ms-swift gets sound wrong that FFmpeg decodes for it, in words; empty when it does not.

    ms-swift 4.6.0 scales FFmpeg's integers only where it changes the rate (vision_utils.py,
    _load_audio_soundfile_pyav).

    Args:
        codec: FFmpeg's name.
        rate: Hz.
    """
    return _INTEGERS if rate == WANTED_RATE and codec not in _FLOATING else ""
