"""A model stage's result: a folder with its manifest, published whole and recognised by its run key."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omnitune.publish import MANIFEST, flush, publish_folder, sha256, sweep, write_json
from omnitune.runkey import RunKey

# Snakemake deletes the declared manifest.json before it runs a rule again; this one it does not know.
RECORD = ".published.json"


def publish(folder: Path, target: Path, key: RunKey, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Describe every file of `folder` in a manifest, put the folder in the place of `target`.

    Args:
        folder: a staging folder with the files.
        target: where the result is seen.
        key: what the result depends on.
        facts: what else a reader of the manifest wants to know; no time, host or absolute path.

    Returns:
        the manifest.
    """
    files = {
        str(path.relative_to(folder)): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    manifest = {**facts, "run_key": key.hash, "files": files}
    flush(folder)  # the record vouches for the files, also after a power loss before the renames
    stamps = {name: (folder / name).stat().st_mtime_ns for name in files}
    write_json(folder / RECORD, {"manifest": manifest, "mtime_ns": stamps})
    write_json(folder / MANIFEST, manifest)
    publish_folder(folder, target)
    return manifest


def republish(target: Path, key: RunKey) -> bool:
    """Write the manifest of a finished, undamaged result with this key again; False when there is none."""
    if not target.exists():  # a kill between the two renames of publish_folder leaves it beside its place
        for folder in target.parent.glob(f".{target.name}.*.staging"):
            if _key_of(folder) == key.hash:
                folder.rename(target)
                break
    try:
        record = json.loads((target / RECORD).read_bytes())
        manifest = record["manifest"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if manifest["run_key"] != key.hash or not all(
        _unchanged(target / name, file, record["mtime_ns"][name]) for name, file in manifest["files"].items()
    ):
        return False
    write_json(target / MANIFEST, manifest)
    sweep(target)  # a kill may have come before the old one was gone
    return True


def _key_of(folder: Path) -> str | None:
    try:
        return json.loads((folder / RECORD).read_bytes())["manifest"]["run_key"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _unchanged(path: Path, file: Mapping[str, Any], mtime_ns: int) -> bool:
    if not path.is_file() or path.stat().st_size != file["bytes"]:
        return False
    # Size and time as written: the content was hashed then. Another time (a copy): hash it now.
    return path.stat().st_mtime_ns == mtime_ns or sha256(path) == file["sha256"]
