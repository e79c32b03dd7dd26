"""Where a row's media may lie: regular files inside the declared roots, and nothing else."""

import errno
import json
import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from omnitune.media.urls import is_url
from omnitune.readers.row import Notes
from omnitune.validation.codes import RowError

# FFmpeg takes these for protocols although they carry no "//".
_PROTOCOLS = (
    "data:",
    "file:",
    "concat:",
    "concatf:",
    "pipe:",
    "fd:",
    "cache:",
    "crypto:",
    "async:",
    "subfile,",
)
_KINDS = {
    stat.S_IFDIR: ("E063", "a folder"),
    stat.S_IFIFO: ("E065", "a FIFO"),
    stat.S_IFCHR: ("E064", "a device"),
    stat.S_IFBLK: ("E064", "a device"),
    stat.S_IFSOCK: ("E066", "a socket"),
}
# What lies here has no size, whatever can be read from it.
_KERNEL = ("/proc/", "/sys/")
# Characters of a path, at most: Linux opens none that is longer.
_LONGEST = 4096
# Names remembered, to find those that are nearly equal: about 20 MB.
_NAMES = 50_000


class MediaPaths:
    """Turns the paths of one source into absolute ones.

    A relative path is looked for in the source file's folder, then in each root, and the first file is taken.
    Wherever it is found, its real path must lie inside a root.

    Args:
        folder: the source file's folder.
        roots: the folders that media may lie in.
    """

    def __init__(self, folder: Path, roots: Sequence[Path]) -> None:
        self._bases = list(dict.fromkeys([_absolute(folder), *map(_absolute, roots)]))
        self._given = [_absolute(root) for root in roots]
        self._real = [os.path.realpath(root) for root in roots]
        self._shown = ", ".join(map(str, roots))
        # A source's files share few folders, and resolving one costs a system call per part of its path.
        self._names: dict[int, str] = {}
        self._real_folder = lru_cache(maxsize=4096)(_strict_realpath)

    def resolve(self, path: str, notes: Notes | None = None) -> str:
        """The absolute real path of a medium; how it was found is noted, when that is not as it is written.

        A URL of the web comes back as it is: the validate stage fetches it, or refuses it.

        Raises:
            RowError: why the path is refused.
        """
        notes = {} if notes is None else notes
        try:
            real = self._find(path, notes)
        except RowError as error:
            if error.finding.code not in ("E061", "E051", "E072"):
                raise
            real, other = self._find_otherwise(path, error, notes)
            notes["E215"] = f'the path "{path}" is read as "{other}"'
        if is_url(real):
            return real
        folded = hash(real.lower() if real.isascii() else unicodedata.normalize("NFC", real).casefold())
        known = self._names.setdefault(folded, real)
        if known != real:
            notes["E077"] = f"{real} differs from {known} by upper case or the form of its letters alone"
        elif len(self._names) > _NAMES:
            del self._names[next(iter(self._names))]
        return real

    def _find(self, path: str, notes: Notes) -> str:
        if _refuse_names(path):
            return path
        missing = RowError("E061", f"no such file: {path} (looked in {self._looked(path)})")
        outside: RowError | None = None
        found = ""
        for candidate in [path] if path.startswith("/") else [f"{base}/{path}" for base in self._bases]:
            try:
                real = self._realpath(candidate)
            except OSError as error:
                missing = _unreachable(path, error) or missing
                continue
            if not _inside(real, self._real):
                outside = outside or self._outside(path, candidate, real)
            elif not found:
                regular_state(path, real)
                found = real
            elif real != found:
                notes["E070"] = f"{path} is {found}, and there is {real} too"
        # "Outside" tells more than "missing" does: the file is there, but may not be read.
        if not found:
            raise outside or missing
        return found

    def _find_otherwise(self, path: str, missing: RowError, notes: Notes) -> tuple[str, str]:
        """The file that a path which leads nowhere probably means, and the path as it should be written."""
        for other in _spellings(path):
            try:
                return self._find(other, notes), other
            except RowError:
                continue
        raise missing

    def _realpath(self, candidate: str) -> str:
        folder, name = os.path.split(candidate)
        if name in ("", ".", ".."):
            return _strict_realpath(candidate)
        real = f"{self._real_folder(folder)}/{name}"
        return _strict_realpath(real) if stat.S_ISLNK(os.lstat(real).st_mode) else real

    def _looked(self, path: str) -> str:
        return "its own folder" if path.startswith("/") else f"the source's folder and {self._shown}"

    def _outside(self, path: str, candidate: str, real: str) -> RowError:
        if _inside(os.path.normpath(candidate), self._given):
            return RowError("E068", f"{path} is a link that leaves the media roots ({self._shown})")
        return RowError("E069", f"{path} lies outside the media roots ({self._shown})")


def _absolute(folder: Path) -> str:
    # Not resolve(): whether a link leaves its root is asked of the path as it was given.
    return os.path.abspath(folder)  # noqa: PTH100


def _strict_realpath(path: str) -> str:
    return os.path.realpath(path, strict=True)


def _inside(path: str, roots: Sequence[str]) -> bool:
    return any(path.startswith(root.rstrip("/") + "/") for root in roots)


def _spellings(path: str) -> Iterator[str]:
    """What a path may be meant as: without blanks, from a URL or Windows, in the other form of its letters."""
    plain = path.strip()
    if plain.lower().startswith(("file:///", "file://localhost/")):
        plain = unquote(plain[plain.index("/", len("file://")) :])
    forms = [plain, plain.replace("\\", "/")]
    forms += [] if path.isascii() else [unicodedata.normalize(form, plain) for form in ("NFC", "NFD")]
    yield from (form for form in dict.fromkeys(forms) if form and form != path)


def _refuse_names(path: str) -> bool:
    """Refuse what is no path of a file, before anything is opened; whether it is a URL of the web."""
    if not path:
        raise RowError("E051", "an empty path", "Give a list of paths.")
    if len(path) > _LONGEST:
        raise RowError("E061", f"a path of {len(path)} characters, which no file has")
    if not path.isprintable() and any(ord(char) < 32 or ord(char) == 127 for char in path):
        raise RowError("E076", f"control character in the path {json.dumps(path)}")
    if is_url(path):
        return True
    head = path[:40].lower()
    if "://" in head or head.startswith(_PROTOCOLS):
        scheme = head.split(":", 1)[0].split(",", 1)[0]
        raise RowError("E072", f'{path[:80]} has the scheme "{scheme}", which is refused')
    return False


def _unreachable(path: str, error: OSError) -> RowError | None:
    """Why a path cannot be followed, when it is more than that nothing is there."""
    if error.errno == errno.ELOOP:
        return RowError("E067", f"symbolic links run in a circle: {path}")
    if error.errno in (errno.EACCES, errno.EPERM):
        return RowError("E063", f"no permission to read {path}")
    return None


def refuse_kind(path: str, status: os.stat_result, real: str = "") -> None:
    """Refuse what is no regular file, or an empty one; `real` is where the path leads, if elsewhere."""
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        code, name = _KINDS.get(kind, ("E063", "not a file"))
        raise RowError(code, f"{path} is {name}, not a regular file")
    if status.st_size == 0:
        if (real or path).startswith(_KERNEL):
            raise RowError("E064", f"{path} is made up by the kernel, not a regular file")
        raise RowError("E062", f"{path} is an empty file")


def regular_state(path: str, real: str) -> os.stat_result:
    """The state of the file at `real`, or a RowError that says why `path` is no regular file with content."""
    try:
        status = os.stat(real)  # noqa: PTH116 (the path is a string all along)
    except OSError:
        raise RowError("E061", f"no such file: {path}") from None
    refuse_kind(path, status, real)
    return status
