"""What is known of media: from the last batches of this run and, with a cache, from earlier runs."""

from collections.abc import Collection, Mapping
from pathlib import Path

from omnitune.media.cache import InspectionCache
from omnitune.media.examine import CRASH, LIMITS
from omnitune.media.inspection import Inspection

# What may be otherwise the next time, although the file is the same.
_PASSING = {"E061", "E063", "E078", CRASH, *LIMITS.values()}
# Rows that share media often stand near each other: at least this many are remembered, at most twice as many.
_RECENT = 4096
# Stands for the path of a file, which may have another name the next time. No path holds it.
_NO_NAME = "\0"


class Known:
    """Finds inspections by key, whatever the name of the file is by now.

    Args:
        cache: this job's file of what is known from earlier runs; None: nothing is.
    """

    def __init__(self, cache: Path | None) -> None:
        self._cache = InspectionCache(cache) if cache else None
        self._recent: dict[str, Inspection] = {}
        self._before: dict[str, Inspection] = {}

    def find(self, paths: Mapping[str, str]) -> dict[str, Inspection]:
        """What is known, by key; `paths` are the names that findings shall give the files."""
        recent, before = self._recent, self._before
        found = {key: known for key in paths if (known := recent.get(key) or before.get(key))}
        if self._cache and len(found) < len(paths):
            found |= self._cache.find([key for key in paths if key not in found])
        return {key: renamed(inspection, _NO_NAME, paths[key]) for key, inspection in found.items()}

    def note(
        self, inspections: Mapping[str, Inspection], paths: Mapping[str, str], passing: Collection[str] = ()
    ) -> None:
        """Note inspections of the files at `paths`; those in `passing` are known in this run only."""
        nameless = {key: renamed(found, paths[key], _NO_NAME) for key, found in inspections.items()}
        if len(self._recent) >= _RECENT:
            self._recent, self._before = {}, self._recent
        self._recent |= nameless
        lasting = {
            key: found
            for key, found in nameless.items()
            if key not in passing and _PASSING.isdisjoint([finding.code for finding in found.findings])
        }
        if self._cache and lasting:
            self._cache.add(lasting)

    def close(self) -> None:
        """Close the cache."""
        if self._cache:
            self._cache.close()


def renamed(inspection: Inspection, old: str, new: str) -> Inspection:
    """The inspection of a file by another name."""
    if not inspection.findings:
        return inspection
    findings = tuple(finding._replace(what=finding.what.replace(old, new)) for finding in inspection.findings)
    return inspection._replace(findings=findings)
