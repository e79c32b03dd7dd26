"""Rows whose length is counted and held against what the trainings take: ms-swift would swap longer ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from omnitune.base_model import folder_of
from omnitune.config.media import MediaConfig
from omnitune.swift_args import media_environment
from omnitune.tokens.budget import MediaBudget
from omnitune.tokens.row import RowCounter, RowTokens
from omnitune.tokens.unknown import Unknown
from omnitune.validation.codes import Finding
from omnitune.validation.verdicts import Case


class LengthCheck:
    """Counts the tokens of rows, media included.

    Args:
        model: folder of the base's manifest.
        media: the section of the config, which decides how many tokens a medium is.
        limits: stage -> tokens that a row of it may have; sft counts the answer, grpo the prompt alone.
    """

    def __init__(self, model: Path, media: MediaConfig, limits: Mapping[str, int]) -> None:
        self._counter = RowCounter(folder_of(model), MediaBudget.of(media_environment(media)))
        self._limits = limits

    def measure(self, cases: Sequence[Case]) -> None:
        """Add the length of each row to its facts, and a finding where it is too long or cannot be told."""
        # What media are becomes known when they are looked into; a row that is still fit has all of them.
        probes = [[seen.inspection.probe for seen in case.media] for case in cases]
        known = [[probe for probe in row if probe] for row in probes]
        counted = self._counter.count([case.record() for case in cases], known)
        for case, tokens in zip(cases, counted, strict=True):
            if isinstance(tokens, Unknown):
                case.findings.append(Finding("E223", f"the length of the row is not known: {tokens}"))
                continue
            facts = case.record().facts
            assert facts
            facts.tokens, facts.answer_tokens = tokens.total, tokens.answer
            if said := self._too_long(tokens):
                case.findings.append(Finding("E057", said))

    def _too_long(self, tokens: RowTokens) -> str:
        for stage, limit in self._limits.items():
            length = tokens.prompt if stage == "grpo" else tokens.total
            if length > limit:
                return f"the row has {length} tokens, {stage}.max_length is {limit}"
        return ""
