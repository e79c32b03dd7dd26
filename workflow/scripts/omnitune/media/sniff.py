"""What a file is, judged by its first bytes: one without a name, or one that no decoder opens."""

from omnitune.validation.codes import RowError

_TEXTS = (
    (b"#extm3u", "E074", "a playlist"),
    (b"ffconcat", "E073", "a list of other files"),
    (b"v=0", "E074", "SDP"),
)
_MAGIC = (
    (b"%PDF", "a PDF"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"II+\0", "a TIFF"),
    (b"MM\0+", "a TIFF"),
    (b"\0\0\0\x0cjP", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"8BPS", "a PSD"),
    (b"%!PS", "an EPS"),
    (b"\xc5\xd0\xd3\xc6", "an EPS"),
    (b"\xd7\xcd\xc6\x9a", "a WMF"),
    (b"\x01\0\0\0\x58\0\0\0", "an EMF"),
    (b"\xd0\xcf\x11\xe0", "an OLE file such as FPX"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"RIFF", "RIFF data"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8", "JPEG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"OggS", "Ogg"),
    (b"fLaC", "FLAC"),
    (b"ID3", "MP3"),
    (b"\x1aE\xdf\xa3", "Matroska"),
)
# Major brands of ISO files that hold a picture.
_BRANDS = {b"avif": "an AVIF", b"avis": "an AVIF"} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1"), "a HEIC"
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
# Formats whose decoders have a history of holes, though Pillow reads them.
RISKY_NAMES = ("a TIFF", "a JPEG 2000")


def head_of(path: str, size: int = 512) -> bytes:
    """The first bytes of a file."""
    with open(path, "rb") as file:  # noqa: PTH123 (the path is a string all along)
        return file.read(size)


def media_extension(content: bytes) -> str:
    """The extension that fits a medium's bytes (`png`); empty when they look like none."""
    return next((name for place, magic, name in _MEDIA if content.startswith(magic, place)), "")


def sniff(head: bytes) -> str:
    """What a file that begins with `head` looks like, in words."""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "an MP4")
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "unknown data")


def refuse_text(path: str, head: bytes) -> None:
    """Say so when a file that should be media is text: a web page, a playlist, a note."""
    head = head[:512]
    lowered = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, code, name in _TEXTS:
        if lowered.startswith(start):
            raise RowError(code, f"{path} is {name}, not a media file")
    if lowered.startswith((b"<!doctype html", b"<html")):
        raise RowError("E079", f"{path} is an HTML page, not a media file")
    text = b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head) and head.isascii()
    drawn = "an SVG drawing" if b"<svg" in lowered else "an EPS" if lowered.startswith(b"%!ps") else ""
    # One that holds more than text is told as what it is by whoever cannot open it.
    if text and lowered.startswith(b"%pdf"):
        drawn = "a PDF"
    if drawn:
        fix = "Is it the right file? Pictures are read as PNG, JPEG or WebP."
        raise RowError("E118", f"{path} is {drawn}, which is not read", fix)
    if b"<mpd" in lowered or b"<smoothstreamingmedia" in lowered:
        raise RowError("E074", f"{path} is a playlist, not a media file")
    if head and text:
        raise RowError("E079", f"{path} holds text, not media")
