"""What the readers of image headers find out."""

import msgspec


class Picture(msgspec.Struct, frozen=True, gc=False):
    """An image, by its header.

    Attributes:
        format, mode: as Pillow names them.
        width, height: pixels as stored.
        orientation: EXIF's, 1 to 8.
        start: where the compressed pixels begin at the earliest.
        frames: pictures in the file.
        transparent: whether one colour or palette entry is see-through.
        interlaced: whether the pixels come in several passes.
        bad_exif: what is wrong with the EXIF block.
        profile: the beginning of the ICC profile.
    """

    format: str
    mode: str
    width: int
    height: int
    orientation: int = 1
    start: int = 0
    frames: int = 1
    transparent: bool = False
    interlaced: bool = False
    bad_exif: str = ""
    profile: bytes = b""
