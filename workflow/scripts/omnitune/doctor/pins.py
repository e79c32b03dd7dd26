"""A lock file's pins, and how an environment differs from them."""

import re
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

from omnitune.errors import PipelineError

_pin = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$")


def pins(lock: Path) -> dict[str, str]:
    """Name -> version of every package that the lock asks for on this machine.

    Raises:
        PipelineError: the file is missing, unreadable or no lock file.
    """
    try:
        lines = lock.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise PipelineError(f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise PipelineError("is not text") from None
    found = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line[0] in " \t#-":
            continue
        match = _pin.match(line)
        if not match:
            raise PipelineError(f"is damaged: line {number} is no pin")
        name, version, marker = match.groups()
        if marker is None or _holds(marker, number):
            found[_canonical(name)] = version
    if not found:
        raise PipelineError("holds no pins")
    return found


def _holds(marker: str, line: int) -> bool:
    """Whether a marker is true on this machine, for this Python."""
    try:
        from packaging.markers import InvalidMarker, Marker
    except ImportError:  # in a damaged .venv; what has no marker is compared all the same
        return False
    try:
        return Marker(marker).evaluate()
    except InvalidMarker:
        raise PipelineError(f"is damaged: line {line} has a marker that cannot be read") from None


def site_packages(environment: Path) -> list[Path]:
    """The folders that hold an environment's packages."""
    return sorted(environment.glob("lib/python3*/site-packages"))


def installed(folders: list[Path]) -> dict[str, str]:
    """Name -> version of the packages in these folders, by their metadata; nothing is imported."""
    found: dict[str, str] = {}
    for distribution in distributions(path=[str(folder) for folder in folders]):
        metadata = distribution.metadata  # each access reads the file anew
        name, version = metadata["Name"], metadata["Version"]
        if name and version:
            found.setdefault(_canonical(name), version)
    return found


def differences(wanted: Mapping[str, str], have: Mapping[str, str]) -> list[str]:
    """What is not as pinned, a clause each; packages beyond the lock are no difference."""
    wrong = []
    for name, version in sorted(wanted.items()):
        if name not in have:
            wrong.append(f"{name} is missing")
        elif not _equal(have[name], version):
            wrong.append(f"{name} is {have[name]}, not {version}")
    return wrong


def _equal(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        from packaging.version import InvalidVersion, Version
    except ImportError:
        return False
    try:
        # 2.11.0+cu130 is a build of 2.11.0; 1.0 and 1.0.0 are the same.
        return Version(Version(one).public) == Version(Version(other).public)
    except InvalidVersion:
        return False


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
