"""Every pixel of an image."""

import contextlib
import struct
import warnings
from typing import Any

import xxhash

from omnitune.media.facts import Probe
from omnitune.media.image_header import IMAGE_FORMATS
from omnitune.media.inspection import Inspection
from omnitune.media.jpeg_bytes import count_behind
from omnitune.validation.codes import Finding, RowError


def decode_image(path: str, probe: Probe) -> Inspection:
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
                # What is wrong with EXIF is told by the header, and readers leave such a picture as it is.
                with contextlib.suppress(SyntaxError, ValueError, struct.error):
                    ImageOps.exif_transpose(image, in_place=True)
                seen = _seen(image)
        except MemoryError:
            raise
        except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
            raise RowError("E101", f"{path} cannot be decoded ({error})") from None
    if probe.format == "JPEG" and (behind := count_behind(path)):
        findings.append(Finding("E122", f"{path} has {behind} bytes of other pictures after its end"))
    pixels = _pixels(seen)
    # Nearly every image answers at its middle.
    if pixels[len(pixels) // 2] == pixels[0] and (pixels == pixels[0]).all():
        findings.append(Finding("E121", f"{path} is of one colour"))
    digest = xxhash.xxh3_128(f"image {seen.mode} {seen.width} {seen.height} ".encode())
    digest.update(pixels.data)
    return Inspection(None, tuple(findings), content=digest.hexdigest())


def _seen(image: Any) -> Any:
    if image.mode.startswith(("I", "F")):
        return image
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _pixels(image: Any) -> Any:
    """One number a pixel, without a copy where Pillow gives none: a copy takes a sixth of a JPEG's decoding."""
    import numpy as np
    import pyarrow

    if not image.mode.startswith("RGB"):
        return np.asarray(image).reshape(-1)
    try:
        return np.frombuffer(pyarrow.array(image).buffers()[-1], np.uint32)
    except ValueError:  # a large image lies in several blocks
        return np.frombuffer(image.tobytes("raw", "RGBX" if image.mode == "RGB" else "RGBA"), np.uint32)
