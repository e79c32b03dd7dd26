"""Config files read outside of Snakemake; several are laid over each other as it does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omnitune.errors import PipelineError


def read(path: Path) -> dict[str, Any]:
    """The settings of one file.

    Raises:
        PipelineError: it cannot be read or holds something else.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PipelineError(
            f"cannot be read ({error.strerror})", where=str(path), fix="Correct the path."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        what = " ".join(str(error).split())
        raise PipelineError(f"is not YAML ({what})", where=str(path), fix="Correct the file.") from None
    if not isinstance(values or {}, dict):
        raise PipelineError("holds no settings", where=str(path), fix="Write `key: value` lines.")
    return values or {}


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` over `base`: mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        inner = merged.get(key)
        merged[key] = merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged
