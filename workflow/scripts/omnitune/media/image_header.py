"""Headers of image files."""

import warnings
from io import BytesIO
from typing import Any

from omnitune.media import exif
from omnitune.media.facts import Limits, Opened, Probe
from omnitune.media.gif_header import count_pictures
from omnitune.media.image_end import check_end
from omnitune.media.jpeg_header import read_jpeg
from omnitune.media.labels import mislabelled
from omnitune.media.picture import Picture
from omnitune.media.png_header import SIGNATURE, read_png
from omnitune.media.sniff import RISKY_NAMES, refuse_text, sniff
from omnitune.media.webp_header import read_webp
from omnitune.validation.codes import Finding, RowError

# Two-picture JPEGs of phones (MPO) are opened as JPEG.
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
# WebP is not among them: Pillow reads all of it, and asks for memory for the size that it says.
_FOR_PILLOW = ("JPEG", "PNG", "GIF", "BMP")
# Bytes that Pillow is given; a JPEG may carry much in front of its size.
_PIECES = {"JPEG": 1 << 20}
_PIECE = 1 << 17
_PLAIN_MODES = ("RGB", "L")
# How profiles write the name: ICC 2 and ICC 4.
_SRGB = (b"sRGB", "sRGB".encode("utf-16-be"))


def probe_image(file: Opened, limits: Limits) -> Probe:
    """What an image's header says; a RowError when it cannot be opened or is cut off."""
    picture = _read(file, limits) or _read_by_pillow(file, limits)
    name, mode, width, height = picture.format, picture.mode, picture.width, picture.height
    path, turned = file.path, picture.orientation
    findings = check_end(file, picture) + mislabelled(path, name, "E117")
    smaller, larger = (width, height) if width < height else (height, width)
    if (
        smaller < limits.image_min_side
        or width * height > limits.image_max_pixels
        or larger > limits.max_ratio * smaller
    ):
        findings += _size(path, picture, limits)
    if mode not in _PLAIN_MODES or picture.transparent:
        findings += _colours(path, mode, picture.transparent)
    if picture.frames > 1:
        findings += _pictures(path, picture.frames, limits)
    if turned != 1:
        findings += (Finding("E115", f"{path} is to be turned, by its EXIF orientation {turned}"),)
    if picture.bad_exif:
        findings += (Finding("E116", f"the EXIF block of {path} is damaged: {picture.bad_exif}"),)
    if picture.profile and not any(word in picture.profile for word in _SRGB):
        findings += (Finding("E120", f"{path} has a colour profile that is not sRGB"),)
    return Probe("image", name, width, height, 0.0, 0, 0, 0, False, 0.0, 0.0, 0, mode, turned, 0, "", findings)


def _read(file: Opened, limits: Limits) -> Picture | None:
    head = file.head
    if head.startswith(b"\xff\xd8\xff"):
        return read_jpeg(file)
    if head.startswith(SIGNATURE):
        return read_png(file)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return read_webp(file, limits.image_max_frames)
    return None


def _read_by_pillow(file: Opened, limits: Limits) -> Picture:
    """What our own readers leave over: GIF, BMP, and the rarer forms of the others."""
    path = file.path
    what = sniff(file.head)
    if what not in _FOR_PILLOW:
        refuse_text(path, file.head)
        raise _unidentified(path, what)
    file.hand_over()
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Our own limit is stricter, and says what to do.
            warnings.simplefilter("ignore")
            # Looking for the next segment, Pillow would go through all of a damaged file byte by byte.
            piece = BytesIO(file.read(0, _PIECES.get(what, _PIECE)))
            with Image.open(piece, formats=IMAGE_FORMATS) as image:
                name, width, height = image.format or "", image.width, image.height
                turned, bad_exif = _orientation(image)
                profile = image.info.get("icc_profile") or b""
                transparent = "transparency" in image.info
                frames = getattr(image, "n_frames", 1) if name != "GIF" else count_pictures(file, limits)
                return Picture(
                    name, image.mode, width, height, turned, 0, frames, transparent, False, bad_exif, profile
                )
    except UnidentifiedImageError:
        raise _unidentified(path, what) from None
    except Image.DecompressionBombError:
        limit = limits.image_max_pixels // 10**6
        raise RowError("E102", f"{path} has far more than {limit} megapixels") from None
    except (SyntaxError, ValueError, EOFError, OSError) as error:
        raise RowError("E101", f"{path} cannot be opened as an image ({error})") from None


def _orientation(image: Any) -> tuple[int, str]:
    from PIL import Image

    try:
        block = image.info.get("exif", b"").removeprefix(b"Exif\0\0")
        turned = exif.orientation(block) if block else 1
    except ValueError as error:
        return 1, str(error)
    # Pillow finds it in XMP, too. A PNG's own getexif would decode all pixels first.
    turned = turned if turned != 1 else Image.Image.getexif(image).get(0x0112, 1)
    return (turned, "") if turned in range(1, 9) else (1, f"its orientation is {turned}")


def _unidentified(path: str, what: str) -> RowError:
    if what in IMAGE_FORMATS:
        return RowError("E101", f"{path} is a damaged {what}")
    code = "E119" if what in RISKY_NAMES else "E118"
    return RowError(code, f"{path} is {what}, none of the image formats {', '.join(IMAGE_FORMATS)}")


def _size(path: str, picture: Picture, limits: Limits) -> tuple[Finding, ...]:
    smaller, larger = sorted((picture.width, picture.height))
    size = f"{path} has {picture.width} x {picture.height} pixels"
    if smaller <= 0:
        raise RowError("E108", size)
    found: tuple[Finding, ...] = ()
    if smaller * larger > limits.image_max_pixels:
        found += (Finding("E102", f"{size}, the limit is {limits.image_max_pixels / 1e6:g} megapixels"),)
    if larger > limits.max_ratio * smaller:
        code = "E124" if picture.interlaced else "E107"
        found += (Finding(code, f"{size}, beyond a ratio of {limits.max_ratio}"),)
    if smaller < limits.image_min_side:
        found += (Finding("E106", f"{size}, less than a side of {limits.image_min_side}"),)
    return found


def _colours(path: str, mode: str, transparent: bool) -> tuple[Finding, ...]:
    found: tuple[Finding, ...] = ()
    if mode == "CMYK":
        found += (Finding("E109", f"{path} has the colours of print (CMYK)"),)
    elif mode[0] in "IF":
        found += (Finding("E110", f"{path} has more than 8 bits a colour ({mode})"),)
    elif mode == "RGBA":
        found += (Finding("E111", f"{path} has an alpha channel ({mode})"),)
    elif mode in ("LA", "PA"):
        found += (Finding("E112", f"{path} has an alpha channel ({mode})"),)
    elif mode in ("P", "1"):
        found += (Finding("E113", f"{path} has {'a palette' if mode == 'P' else 'two colours'} ({mode})"),)
    if transparent:
        found += (Finding("E112", f"{path} has transparent colours ({mode})"),)
    return found


def _pictures(path: str, frames: int, limits: Limits) -> tuple[Finding, ...]:
    if frames > limits.image_max_frames:
        return (Finding("E105", f"{path} holds more than {limits.image_max_frames} pictures"),)
    return (Finding("E114", f"{path} holds {frames} pictures, and the first is used"),)
