"""What a result depends on, as one hash, with a readable difference between two."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omnitune.publish import sha256, write_json

FILE = "runkey.json"


@dataclass(frozen=True)
class RunKey:
    """The parts a result depends on: a flat map of names to plain values."""

    parts: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """Hex digest over the sorted parts; equal parts have equal digests on any machine."""
        return hashlib.sha256(json.dumps(self.parts, sort_keys=True).encode()).hexdigest()

    def difference(self, other: "RunKey") -> list[str]:
        """One line per part that differs: `learning_rate: 0.0001 -> 0.0002`, from self to other."""
        lines = []
        for name in sorted({*self.parts, *other.parts}):
            before, now = self.parts.get(name, "absent"), other.parts.get(name, "absent")
            if before != now:
                lines.append(f"{name}: {_short(before)} -> {_short(now)}")
        return lines

    def write(self, folder: Path) -> None:
        """Keep the parts beside the work that they describe."""
        write_json(folder / FILE, dict(self.parts))


def read(folder: Path) -> RunKey | None:
    """The key kept in a folder; None when there is none or it is damaged."""
    try:
        parts = json.loads((folder / FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return RunKey(parts) if isinstance(parts, dict) else None


def of(
    arguments: Mapping[str, Any],
    inputs: Sequence[Path],
    *,
    version: int,
    packages: Mapping[str, str],
    processes: int = 1,
) -> RunKey:
    """The key of a stage that runs ms-swift.

    Args:
        arguments: the arguments file, ENV included.
        inputs: the rows it reads and the manifests of its models; they count by content.
        version: VERSION of the stage's library module.
        packages: name -> version of what computes the result.
        processes: how many share the work; another number sums in another order.
    """
    parts: dict[str, Any] = {f"argument {name}": value for name, value in arguments.items() if name != "ENV"}
    parts |= {f"environment {name}": value for name, value in arguments.get("ENV", {}).items()}
    parts |= {f"input {path.as_posix()}": sha256(path) for path in inputs}
    parts |= {f"package {name}": value for name, value in packages.items()}
    return RunKey(parts | {"processes": processes, "stage version": version})


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    return text if len(text) <= 60 else f"{text[:57]}..."
