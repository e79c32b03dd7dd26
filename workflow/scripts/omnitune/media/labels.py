"""Whether a file's name says what the file is."""

from collections.abc import Mapping

from omnitune.validation.codes import Finding

# Kind of content by extension. Names of one family share a kind: a .mov may well be called .mp4.
_KINDS: Mapping[str, str] = {
    extension: kind
    for kind, extensions in {
        "WAV": "wav wave",
        "FLAC": "flac",
        "MP3": "mp3",
        "Ogg": "ogg oga ogv opus",
        "MP4": "mp4 m4a m4v m4b mov 3gp 3g2",
        "Matroska": "mkv mka webm",
        "AVI": "avi",
        "AAC": "aac",
        "AIFF": "aiff aif",
        "ASF": "asf wma wmv",
        "JPEG": "jpg jpeg jpe jfif mpo",
        "PNG": "png apng",
        "WEBP": "webp",
        "GIF": "gif",
        "BMP": "bmp dib",
        "TIFF": "tif tiff",
        "HEIC": "heic heif",
        "AVIF": "avif",
    }.items()
    for extension in extensions.split()
}
_READERS_NAMES = {
    "WAVEX": "WAV",
    "RF64": "WAV",
    "MPO": "JPEG",
    "OGG": "Ogg",
    "mov,mp4,m4a,3gp,3g2,mj2": "MP4",
    "matroska,webm": "Matroska",
    "ogg": "Ogg",
    "avi": "AVI",
    "aac": "AAC",
    "mp3": "MP3",
    "flac": "FLAC",
    "wav": "WAV",
    "asf": "ASF",
    "gif": "GIF",
}


def mislabelled(path: str, format: str, code: str) -> tuple[Finding, ...]:
    """A finding when the extension names one format that is known and the content is another.

    Args:
        format: as the reader calls it.
        code: of the finding.
    """
    kind = _READERS_NAMES.get(format, format)
    extension = path[path.rfind(".") + 1 :]
    named = _KINDS.get(extension) or _KINDS.get(extension.lower(), kind)
    return () if named == kind else (Finding(code, f"{path} is {kind}, whatever its name says"),)
