"""A picture made plain: what a policy wants put right, and nothing else of it.

A JPEG stays one, of quality 95 without colour subsampling: as PNG a photo would take five times the room and
ten times the time, for differences that no eye sees. Where its pixels need not change, its bytes are kept.
Everything else becomes PNG, which loses nothing.
"""

import shutil
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from omnitune.media.image_header import IMAGE_FORMATS
from omnitune.media.pixels import STEPS, from_cmyk
from omnitune.media.sniff import media_extension
from omnitune.publish import open_atomic
from omnitune.validation.codes import RowError

if TYPE_CHECKING:
    from PIL import Image

CODES = frozenset({"E116", "E114", "E117", "E119", "E122"}.union(*(codes for codes, _ in STEPS)))
# Formats that are refused unless a policy has them converted (E119).
_CONVERTED = ("TIFF", "JPEG2000")
_NAMES = {"png", "jpg", "gif", "bmp", "webp"}
_MODES = {"JPEG": ("L", "RGB", "CMYK"), "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")}
# PNG of level 1 takes a third of the time of level 6, and about a tenth more room.
_OPTIONS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "PNG": {"compress_level": 1}}


def image_suffix(path: str, codes: Collection[str]) -> str:
    """Extension of what `mend_image` makes, by the first bytes of the file."""
    with open(path, "rb") as file:  # noqa: PTH123 (the path is a string all along)
        name = media_extension(file.read(16))
    if name == "jpg" or (set(codes) == {"E117"} and name in _NAMES):
        return f".{name}"
    return ".png"


def mend_image(path: str, codes: Collection[str], output: Path) -> None:
    """Write the picture of `path` to `output` with what `codes` name put right.

    Args:
        path: the original; it is only read.
        codes: of CODES.
        output: a path with the extension of `image_suffix`; it appears when it is whole.

    Raises:
        RowError: the file is damaged, or its colours cannot be converted.
    """
    with open_atomic(output) as file:
        if set(codes) == {"E117"}:
            with open(path, "rb") as original:  # noqa: PTH123
                shutil.copyfileobj(original, file, 1024**2)
        elif output.suffix == ".jpg" and {"E116", "E117", "E122"}.issuperset(codes):
            # Imported here: pictures that are decoded do without.
            from omnitune.media.jpeg_bytes import write_bare

            write_bare(path, file, exif="E116" not in codes)
        else:
            _redraw(path, codes, file, "JPEG" if output.suffix == ".jpg" else "PNG")


def _redraw(path: str, codes: Collection[str], output: BinaryIO, form: str) -> None:
    from PIL import Image

    formats = (*IMAGE_FORMATS, *(_CONVERTED if "E119" in codes else ()))
    try:
        # A file, not a path: Pillow would map it into memory, and a mapped file that is cut off kills the process.
        with warnings.catch_warnings(), open(path, "rb") as file:  # noqa: PTH123
            # What is wrong with its metadata is why it is here; limits are the probe's.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=formats) as image:
                image.load()
                _save(_stepped(image, codes), codes, output, form)
    except RowError as error:
        raise RowError(error.finding.code, f"{path}: {error.finding.what}", error.finding.fix) from None
    except Exception as error:  # Pillow's decoders raise whatever they meet
        if isinstance(error, OSError) and error.errno:
            raise  # a full disk is not the picture's fault
        raise RowError("E101", f"{path} cannot be read as an image ({error})") from None


def _stepped(image: "Image.Image", codes: Collection[str]) -> "Image.Image":
    for answered, step in STEPS:
        if answered.intersection(codes):
            image = step(image)
    return image


def _save(image: "Image.Image", codes: Collection[str], output: BinaryIO, form: str) -> None:
    kept = {"icc_profile": image.info.get("icc_profile")}
    if not {"E115", "E116"}.intersection(codes) and "exif" in image.info:
        kept["exif"] = image.info["exif"]
    if image.mode not in _MODES[form]:
        image = from_cmyk(image).convert("RGB")
    # What a reader put into `info` (a comment, XMP with the orientation once more) would be written too.
    image.info = {key: value for key, value in image.info.items() if key == "transparency"}
    image.save(output, form, **_OPTIONS[form], **kept)
