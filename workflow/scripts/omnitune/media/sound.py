"""What the readers of audio headers find out."""

import msgspec


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
