"""Which URLs media may be fetched from."""

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

_SCHEMES = ("http", "https")


def is_url(path: str) -> bool:
    """Whether what should be a path is a URL of the web."""
    return path[:8].lower().startswith(("http://", "https://"))


def is_allowed(url: str, prefixes: Sequence[str]) -> bool:
    """Whether a URL begins with one of the prefixes, by scheme, host with port, and path.

    One whose path goes up again, as it is or percent-encoded, does not: a server may take it for another.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if any(part in (".", "..") for part in unquote(parts.path).replace("\\", "/").split("/")):
        return False
    place = (parts.scheme, parts.netloc.lower())
    allowed = map(urlsplit, prefixes)
    return any(place == (one.scheme, one.netloc.lower()) and parts.path.startswith(one.path) for one in allowed)


def prefix_mistake(prefix: str) -> str:
    """What is wrong with an entry of `validate.urls`, in a sentence; empty when nothing is."""
    try:
        parts = urlsplit(prefix)
        good = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.path.startswith("/")
        plain = not (parts.query or parts.fragment or "@" in parts.netloc) and (parts.port or 1) > 0
    except ValueError:
        good = plain = False
    return (
        "" if good and plain else f"is {prefix!r}. Write the beginning of URLs, such as https://{{host}}/folder/."
    )
