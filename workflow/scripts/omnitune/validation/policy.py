"""What is done about each kind of finding: the code's own default, or what `validate.policy` says."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from omnitune.validation.codes import CODES, Action, Finding


class Policy:
    """The action for each code.

    Args:
        chosen: code -> action, where the default is not wanted.
    """

    def __init__(self, chosen: Mapping[str, Action] | None = None) -> None:
        self._actions = {code: kind.actions[0] for code, kind in CODES.items()} | dict(chosen or {})

    def action(self, code: str) -> Action:
        """What is done about findings of this code."""
        return self._actions[code]

    def refuses(self, finding: Finding) -> bool:
        """Whether the finding keeps its row from being used, whatever is put right."""
        return self._actions[finding.code] in ("reject", "fail")

    def refusals(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that keep a row from being used; where none does, what should be put right and is not."""
        left = [finding for finding in findings if self._actions[finding.code] not in ("warn", "ignore")]
        return [finding for finding in left if self.refuses(finding)] or left


def without_stops(chosen: Mapping[str, Action]) -> dict[str, Action]:
    """The same answers, but that rows are rejected where the run would stop: for those who want to see all."""
    policy = Policy(chosen)
    return {**chosen, **{code: "reject" for code in CODES if policy.action(code) == "fail"}}


def policy_mistakes(chosen: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(code, sentence) of every entry of `validate.policy` that cannot be followed."""
    for code, action in chosen.items():
        if code not in CODES:
            near = get_close_matches(code, CODES, n=1)
            hint = f"Did you mean {near[0]}?" if near else "docs/codes.md lists them all."
            yield code, f"is no code. {hint}"
        elif action not in CODES[code].actions:
            allowed = ", ".join(CODES[code].actions)
            yield code, f"({CODES[code].name}) cannot be answered with {action}. Choose one of {allowed}."
