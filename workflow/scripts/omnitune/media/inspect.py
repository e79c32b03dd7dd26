"""What is found out about the media of a batch of rows, as far as `validate.media` wants them read."""

from collections.abc import Sequence
from typing import NamedTuple

from omnitune.config.validate import ValidateConfig
from omnitune.media.probe import Probe, ProbeCache
from omnitune.validation.codes import Finding, RowError


class Inspection(NamedTuple):
    """One medium.

    Attributes:
        probe: what its header says; None when it cannot be opened.
        findings: what is wrong or noteworthy.
        digest: of the file's bytes; empty when they were not read.
        content: of the decoded samples or pixels; empty when they were not decoded.
    """

    probe: Probe | None
    findings: tuple[Finding, ...] = ()
    digest: str = ""
    content: str = ""


class Inspector:
    """Reads media as far as the settings say."""

    def __init__(self, settings: ValidateConfig) -> None:
        self._probes = ProbeCache()

    def inspect(self, media: Sequence[tuple[str, str]]) -> list[Inspection]:
        """One inspection for each (modality, absolute path), in their order."""
        return [self._inspect(modality, path) for modality, path in media]

    def _inspect(self, modality: str, path: str) -> Inspection:
        try:
            return Inspection(self._probes.probe(modality, path))
        except RowError as error:
            return Inspection(None, (error.finding,))
