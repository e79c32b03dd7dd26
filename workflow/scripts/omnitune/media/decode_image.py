"""Every pixel of an image."""

import struct
import warnings
from typing import Any

import xxhash

from omnitune.media.probe import IMAGE_FORMATS, Probe
from omnitune.validation.codes import Finding, RowError


def decode_image(path: str, probe: Probe) -> tuple[list[Finding], str]:
    """What is wrong with the pixels, and the digest of them as they are seen: turned by EXIF, in RGB.

    Images with transparency are digested in RGBA and deep ones as they are, so that what differs stays different.
    """
    from PIL import Image, ImageOps

    findings = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the limit on pixels is the header's, and stricter
        try:
            with Image.open(path, formats=IMAGE_FORMATS) as image:
                image.load()
                if (frames := getattr(image, "n_frames", 1)) > 1 and probe.format != "MPO":
                    findings.append(Finding("E114", f"{path} has {frames} frames, of which the first is used"))
                    image.seek(0)
                seen = _seen(ImageOps.exif_transpose(image))
        except MemoryError:
            raise
        except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
            raise RowError("E101", f"{path} cannot be decoded ({error})") from None
    pixels = seen.tobytes()
    if _is_blank(pixels, len(pixels) // (seen.width * seen.height)):
        findings.append(Finding("E121", f"{path} is of one colour"))
    digest = xxhash.xxh3_128(f"image {seen.mode} {seen.width} {seen.height} ".encode())
    digest.update(pixels)
    return findings, digest.hexdigest()


def _seen(image: Any) -> Any:
    if image.mode.startswith(("I", "F")):
        return image
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _is_blank(pixels: bytes, size: int) -> bool:
    """Whether all pixels are alike; `size` is bytes a pixel."""
    # Nearly every image answers at its middle.
    middle = len(pixels) // size // 2 * size
    if pixels[middle : middle + size] != pixels[:size]:
        return False
    return pixels[size:] == pixels[:-size]
