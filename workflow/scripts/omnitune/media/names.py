"""What kind of medium a file is, by its name."""

from collections.abc import Mapping

EXTENSIONS: Mapping[str, str] = {
    "image": "jpg jpeg png webp gif bmp tif tiff heic",
    "audio": "wav mp3 flac ogg opus m4a aac wma aiff amr",
    "video": "mp4 mov mkv webm avi mpg mpeg m4v flv ts 3gp",
}
_modalities = {f".{name}": modality for modality, names in EXTENSIONS.items() for name in names.split()}


def modality_of_suffix(suffix: str) -> str:
    """image, audio or video for `.wav` and the like; empty for anything else."""
    return _modalities.get(suffix.lower(), "")
