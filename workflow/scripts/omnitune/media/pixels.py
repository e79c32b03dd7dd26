"""What makes the pixels of a picture mean one thing to every reader: 8 bits, RGB, opaque, sRGB, upright.

Each function takes a loaded Pillow image and returns one; what it does not concern comes back as it was.
"""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from omnitune.validation.codes import RowError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

# The one background: what a page or a viewer shows behind a picture that is see-through.
BACKGROUND = (255, 255, 255)


def to_8_bits(image: "Image.Image") -> "Image.Image":
    """Grey of 16 bits, 32 bits or floats as 8 bits; Pillow itself would clip it to white.

    16 bits are scaled by their type's range, floats between 0 and 1 by that one. What is left has no known
    range, and its own darkest and brightest values become 0 and 255; a value that is no number becomes 0.
    """
    import numpy as np
    from PIL import Image

    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        grey = np.rint(np.arange(65536) / 257).astype(np.uint8)[values]
    else:
        low, high = _range(values)
        grey = np.empty(values.shape, dtype=np.uint8)
        # Row by row: a copy of 50 megapixels as floats would take 400 MB.
        for line, row in zip(grey, values, strict=True):
            finite = np.nan_to_num(row.astype(np.float64), nan=low, posinf=high, neginf=low)
            line[:] = np.rint((finite - low) / (high - low) * 255)
    return _like(Image.fromarray(grey), image)


def _range(values: "np.ndarray") -> tuple[float, float]:
    """The values that black and white stand for, of grey whose type does not say."""
    import numpy as np

    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        return 0.0, 1.0
    return (low, high) if high > low else (low, low + 1)


def ink_as_written(image: "Image.Image") -> "Image.Image":
    """The ink of a JPEG as it is in the file: Pillow turns all of it round, as Adobe alone writes it."""
    from PIL import ImageChops

    if image.mode != "CMYK" or image.format != "JPEG" or "adobe" in image.info:
        return image
    return _like(ImageChops.invert(image), image)


def from_cmyk(image: "Image.Image") -> "Image.Image":
    """Ink as light: by the picture's own profile, else R = (1 - C)(1 - K) and so on."""
    if image.mode != "CMYK":
        return image
    return to_srgb(image) if "icc_profile" in image.info else image.convert("RGB")


def on_background(image: "Image.Image") -> "Image.Image":
    """See-through pixels laid over white, in proportion to their alpha."""
    from PIL import Image

    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    opaque = Image.new("RGBA", image.size, (*BACKGROUND, 255))
    return _like(Image.alpha_composite(opaque, layer).convert("RGB"), image)


def from_palette(image: "Image.Image") -> "Image.Image":
    """A palette's colours, and black and white of one bit, as RGB."""
    if image.mode not in ("P", "PA", "1"):
        return image
    return _like(image.convert("RGBA" if image.has_transparency_data else "RGB"), image)


def to_srgb(image: "Image.Image") -> "Image.Image":
    """Colours as the embedded ICC profile means them, in sRGB: relative colorimetric, black point kept."""
    from PIL import ImageCms

    content = image.info.get("icc_profile")
    if not content:
        return image
    image = from_palette(image)
    alpha = image.getchannel("A") if "A" in image.getbands() else None
    if alpha is not None:
        image = image.convert("L" if image.mode == "LA" else "RGB")
    try:
        mended = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(content)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        fix = "Convert the picture to sRGB, or remove its profile."
        raise RowError("E101", f"its colour profile cannot be applied ({error})", fix) from None
    assert mended is not None, "only inPlace gives none"
    mended = _like(mended, image)
    del mended.info["icc_profile"]
    if alpha is not None:
        mended.putalpha(alpha)
    return mended


def upright(image: "Image.Image") -> "Image.Image":
    """Turned and mirrored as EXIF (or XMP) says a viewer shall show it."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(image)


def _like(image: "Image.Image", source: "Image.Image") -> "Image.Image":
    """`image` with what `source` says of its colours and of how it was held."""
    image.info |= {key: source.info[key] for key in ("icc_profile", "exif") if key in source.info}
    return image


Step = Callable[["Image.Image"], "Image.Image"]
# What is done about which codes, in this order: the first two ask the file what later ones no longer know.
STEPS: tuple[tuple[frozenset[str], Step], ...] = (
    (frozenset({"E109"}), ink_as_written),
    (frozenset({"E115"}), upright),
    (frozenset({"E110"}), to_8_bits),
    (frozenset({"E109"}), from_cmyk),
    (frozenset({"E111", "E112"}), on_background),
    (frozenset({"E113"}), from_palette),
    (frozenset({"E120"}), to_srgb),
)
