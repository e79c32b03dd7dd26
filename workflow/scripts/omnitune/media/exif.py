"""How an image is to be turned, by its EXIF block.

Source: JEITA CP-3451 (EXIF 2.3), section 4.6.
"""

import struct

_ORIENTATION = 0x0112
_SHORT = 3


def orientation(block: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1 when the block does not say.

    Args:
        block: the TIFF structure, after `Exif\\0\\0`.

    Raises:
        ValueError: the block is damaged.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        raise ValueError("it does not begin as TIFF does")
    try:
        (at,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind, values, value = struct.unpack_from(order + "HHIH", block, entry)
            if tag == _ORIENTATION:
                if kind != _SHORT or values != 1 or not 1 <= value <= 8:
                    raise ValueError(f"its orientation is {value}")
                return int(value)
    except struct.error:
        raise ValueError("it is cut off") from None
    return 1
