"""How many pictures a GIF holds. Source: the GIF89a specification."""

from omnitune.media.facts import Limits, Opened

# A picture's data comes in blocks of at most 255 bytes: this many are walked, and no more.
_MAX_BLOCKS = 200_000
_WINDOW = 1 << 16


def count_pictures(file: Opened, limits: Limits) -> int:
    """The number of pictures; counting stops behind the limit, and where the file is damaged."""
    flags = file.head[10]
    at = 13 + _palette(flags)
    window, base, frames = file.head, 0, 0
    in_data = False
    for _ in range(_MAX_BLOCKS):
        if at + 10 > base + len(window) and base + len(window) < file.size:
            window, base = file.read(at, _WINDOW), at
        if at - base >= len(window):
            break
        byte = window[at - base]
        if in_data:
            at += 1 + byte
            in_data = byte != 0
        elif byte == 0x21:
            at, in_data = at + 2, True
        elif byte == 0x2C and at - base + 10 <= len(window):
            frames += 1
            if frames > limits.image_max_frames:
                break
            at, in_data = at + 11 + _palette(window[at - base + 9]), True
        else:
            break
    return max(frames, 1)


def _palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
