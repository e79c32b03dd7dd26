"""Why a job would run, as Snakemake knows it, and in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_NAMED = 3


@dataclass(frozen=True)
class Causes:
    """What makes jobs run.

    Attributes:
        settings: lines such as `sft.learning_rate: 0.0001 -> 0.0002`.
        newer: input files changed since the result was made.
        added: input files that it had not when it was made.
        dropped: input files that it had then.
        unfinished: whether an attempt was cut off, or is at work.
        command: whether the rule's command reads otherwise.
        failed: whether the last attempt failed.
        gone: outputs that were made and are there no more.
        missing: outputs that were never made.
        remade_by: stages that would make inputs anew.
    """

    settings: Sequence[str] = ()
    newer: Sequence[str] = ()
    added: Sequence[str] = ()
    dropped: Sequence[str] = ()
    unfinished: bool = False
    command: bool = False
    failed: bool = False
    gone: Sequence[str] = ()
    missing: Sequence[str] = ()
    remade_by: Sequence[str] = ()

    @classmethod
    def together(cls, all_causes: Iterable["Causes"]) -> "Causes":
        """The causes of several jobs as one, nothing told twice."""
        found = list(all_causes)

        def joined(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(value for causes in found for value in getattr(causes, name)))

        names = ("settings", "newer", "added", "dropped", "gone", "missing", "remade_by")
        return cls(
            **{name: joined(name) for name in names},
            unfinished=any(causes.unfinished for causes in found),
            command=any(causes.command for causes in found),
            failed=any(causes.failed for causes in found),
        )

    def sentences(self, stage: str) -> list[str]:
        """Why, in words, what the user did first; never empty."""
        told = list(self.settings)
        if self.newer:
            told.append(f"changed since: {_some(self.newer)}")
        if self.added:
            told.append(f"reads now also: {_some(self.added)}")
        if self.dropped:
            told.append(f"reads no more: {_some(self.dropped)}")
        if self.command:
            told.append("its command was changed")
        if self.unfinished:
            told.append("began and has not finished")
        elif self.failed:
            told.append("failed, or was cut off, the last time: make status says why")
        elif self.gone:
            told.append(f"was made and is gone: {_some(self.gone)}")
        elif self.missing:
            told.append("not made yet")
        # What is not there needs no other reason.
        others = [name for name in self.remade_by if name != stage]
        if others and not (self.gone or self.missing):
            told.append(f"gets new input from {', '.join(others)}")
        return told or ["gets new input"]


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
