"""Media that a row carries in itself, as base64 or bytes: written to files named by their content."""

import binascii
import hashlib
import os
import uuid
from base64 import b64decode
from pathlib import Path

from omnitune.validation.codes import RowError

_EXTENSIONS = {
    "jpeg": "jpg",
    "mpeg": "mp3",
    "x-wav": "wav",
    "wave": "wav",
    "quicktime": "mov",
    "x-matroska": "mkv",
}


class EmbeddedMedia:
    """Writes media into one folder; equal content is written once.

    Args:
        folder: made when the first medium is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(os.path.realpath(folder))

    def save_url(self, url: str) -> str:
        """The file of a `data:image/png;base64,...` URL."""
        header, comma, payload = url.partition(",")
        kind, *options = header[len("data:") :].split(";")
        if not comma or "base64" not in options:
            raise RowError("E205", "a data: URL without base64 data")
        return self.save(payload, kind.partition("/")[2])

    def save(self, payload: str, extension: str) -> str:
        """The absolute path of the file that holds the decoded `payload`."""
        try:
            content = b64decode(payload, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RowError("E205", f"embedded media is not base64 ({error})") from None
        return self.save_bytes(content, extension)

    def save_bytes(self, content: bytes, extension: str) -> str:
        """The absolute path of the file that holds `content`."""
        if not content:
            raise RowError("E205", "embedded media is empty")
        extension = _EXTENSIONS.get(extension.lower(), extension.lower())
        if not (extension.isascii() and extension.isalnum() and len(extension) <= 8):
            raise RowError("E205", f'embedded media of unknown format "{extension[:20]}"')
        path = self._folder / f"{hashlib.sha256(content).hexdigest()}.{extension}"
        # Size settles whether a file of this name is whole: its name is its content.
        if not path.exists() or path.stat().st_size != len(content):
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
            temporary.write_bytes(content)
            temporary.replace(path)
        return str(path)
