"""Media that a policy repairs: written anew under the run's folder, the originals untouched."""

from pathlib import Path

from omnitune.media.inspect import Inspection
from omnitune.validation.codes import RowError


class Mender:
    """Puts media right.

    Args:
        folder: where they are written, named by their content.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def mend(self, modality: str, path: str, inspection: Inspection) -> str:
        """The path of what was made of the medium; a RowError says why nothing could be."""
        raise RowError("E063", f"{path} cannot be put right")
