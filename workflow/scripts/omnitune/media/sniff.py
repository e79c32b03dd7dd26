"""What a file is, judged by its first bytes: one without a name, or one that no decoder opens."""

from omnitune.validation.codes import RowError

_TEXTS = (
    (b"#extm3u", "E074", "a playlist"),
    (b"ffconcat", "E074", "a list of other files"),
    (b"v=0", "E074", "SDP"),
)
_MAGIC = (
    (b"%PDF", "a PDF"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"\0\0\0\x0cjP", "a JPEG 2000"),
    (b"8BPS", "a PSD"),
    (b"%!PS", "an EPS"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"RIFF", "RIFF data"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8", "JPEG"),
    (b"GIF8", "GIF"),
)
# (place, bytes there, extension) of the media that tables carry without a name.
_MEDIA = (
    (0, b"\x89PNG", "png"),
    (0, b"\xff\xd8\xff", "jpg"),
    (0, b"GIF8", "gif"),
    (0, b"BM", "bmp"),
    (8, b"WEBP", "webp"),
    (8, b"WAVE", "wav"),
    (8, b"AVI ", "avi"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"ID3", "mp3"),
    (0, b"\xff\xfb", "mp3"),
    (0, b"\xff\xf3", "mp3"),
    (4, b"ftypM4A", "m4a"),
    (4, b"ftyp", "mp4"),
    (0, b"\x1aE\xdf\xa3", "mkv"),
)
IMAGE_NAMES = ("PNG", "JPEG", "GIF")


def _head(path: str, size: int = 512) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 (the path is a string all along)
        return file.read(size)


def media_extension(content: bytes) -> str:
    """The extension that fits a medium's bytes (`png`); empty when they look like none."""
    return next((name for place, magic, name in _MEDIA if content.startswith(magic, place)), "")


def sniff(path: str) -> str:
    """What the file looks like, in words."""
    head = _head(path)
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "unknown data")


def refuse_text(path: str) -> None:
    """Say so when a file that should be media is text: a web page, a playlist, a note."""
    head = _head(path)
    lowered = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, code, name in _TEXTS:
        if lowered.startswith(start):
            raise RowError(code, f"{path} is {name}, not a media file")
    if lowered.startswith((b"<!doctype html", b"<html")):
        raise RowError("E079", f"{path} is an HTML page, not a media file")
    if b"<svg" in lowered:
        raise RowError("E118", f"{path} is an SVG drawing, which is not read")
    if head and b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head) and head.isascii():
        raise RowError("E079", f"{path} holds text, not media")
