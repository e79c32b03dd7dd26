"""Time spans for people."""


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h`, `2 d`: whole numbers of the largest unit of which there are two."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
