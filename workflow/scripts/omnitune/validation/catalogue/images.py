"""Images: section E of the catalogue."""

from omnitune.validation.actions import (
    DOUBT_OR_REPAIR,
    REJECT_OR_REPAIR,
    REPAIR_OR_WARN,
    WARN,
    WARN_OR_REPAIR,
    Code,
)

CODES = {
    "E101": Code("unreadable image", "Copy the file again."),
    "E102": Code("too many pixels", "Scale the image down."),
    "E105": Code("image of excessive metadata or frames", "Save the picture anew as PNG or JPEG."),
    "E106": Code("tiny image", "Use a larger picture.", WARN),
    "E107": Code("extreme aspect ratio", "Crop or pad the image."),
    "E108": Code("no pixels", "Copy the file again."),
    "E109": Code("CMYK colours", "Nothing to do, or convert it to RGB.", REPAIR_OR_WARN),
    "E110": Code("more than 8 bits a colour", "Scale the values to 8 bits: readers clip them.", REPAIR_OR_WARN),
    "E111": Code("alpha channel", "Flatten it on one background: readers differ.", REPAIR_OR_WARN),
    "E112": Code("transparent colours", "Flatten it on one background: readers differ.", REPAIR_OR_WARN),
    "E113": Code("palette", "Nothing to do, or convert it to RGB.", REPAIR_OR_WARN),
    "E114": Code("animated image", "List it under videos, or give one frame.", DOUBT_OR_REPAIR),
    "E115": Code("rotated by EXIF", "Rotate the pixels: readers ignore it.", REPAIR_OR_WARN),
    "E116": Code("damaged EXIF", "Remove the EXIF block.", REPAIR_OR_WARN),
    "E117": Code("mislabelled file", "Rename the file: its content decides.", WARN_OR_REPAIR),
    "E118": Code("image format refused", "Convert it to PNG, JPEG or WebP."),
    "E119": Code("risky image format", "Convert it to PNG, JPEG or WebP.", REJECT_OR_REPAIR),
    "E120": Code("colour profile", "Convert it to sRGB: the profile is ignored.", WARN_OR_REPAIR),
    "E121": Code("blank image", "Is it the right file?", WARN),
    "E122": Code("data after the end", "Write the file again: the rest is not used.", WARN_OR_REPAIR),
    "E123": Code("image beyond the decode limit", "Convert the file, or raise validate.decode_seconds."),
    "E124": Code("extreme aspect ratio, interlaced", "Crop or pad the image."),
}
