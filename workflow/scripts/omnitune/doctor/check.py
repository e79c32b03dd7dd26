"""The outcome of one check, and how a list of them is shown."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "warning", "lacking"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what was looked at, one or two words.
        state: ok; warning (a run may suffer, or only a larger run is impossible); lacking (no run is possible).
        found: what there is, a clause without full stop.
        fix: what to do about it; empty when all is well.
    """

    name: str
    state: State
    found: str
    fix: str = ""

    def sentence(self) -> str:
        """What was found and what to do, on one line."""
        return " ".join((f"{self.found.rstrip('.')}. {self.fix}" if self.fix else self.found).split())


def as_text(checks: Sequence[Check]) -> str:
    """One line per check, and a last one that sums up."""
    width = max((len(check.name) for check in checks), default=0)
    lines = [f"{check.state:<8} {check.name:<{width}}  {check.sentence()}" for check in checks]
    lacking, warnings = _count(checks, "lacking"), _count(checks, "warning")
    warned = f"{warnings} {'warning' if warnings == 1 else 'warnings'}" if warnings else "no warning"
    lines.append(f"{lacking or 'Nothing is'} lacking, {warned}.")
    return "\n".join(lines)


def as_json(checks: Sequence[Check]) -> str:
    """The same for programs."""
    summary = {state: _count(checks, state) for state in ("ok", "warning", "lacking")}
    return json.dumps({"checks": [asdict(check) for check in checks], **summary}, indent=2, ensure_ascii=False)


def _count(checks: Sequence[Check], state: str) -> int:
    return sum(check.state == state for check in checks)
