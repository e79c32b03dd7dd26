"""What is found out about one medium."""

from typing import NamedTuple

import msgspec

from omnitune.media.probe import Probe
from omnitune.validation.codes import CODES, Finding


class Inspection(NamedTuple):
    """One medium.

    Attributes:
        probe: what its header says; None when it cannot be opened.
        findings: what is wrong or noteworthy, each code once.
        digest: of the file's bytes, xxh3-128 in hex; empty when they were not read.
        content: of the decoded samples or pixels; empty when they were not decoded.
        heard: samples a channel that were decoded, and their rate in Hz; zeros when they were not, or not all.
        pictures: coded pictures of a video, of which its reader takes frames; 0 when they were not counted.
    """

    probe: Probe | None
    findings: tuple[Finding, ...] = ()
    digest: str = ""
    content: str = ""
    heard: tuple[int, int] = (0, 0)
    pictures: int = 0

    def adding(self, *findings: Finding) -> "Inspection":
        """The same with more findings; of each code the first stays, since the header's names the cause."""
        found = {finding.code: finding for finding in reversed([*self.findings, *findings])}
        return self._replace(findings=tuple(reversed(found.values())))

    def refused(self) -> bool:
        """Whether it has something that no repair is known for and that is rejected unless a policy says else."""
        return self.probe is None or any(CODES[finding.code].actions[0] == "reject" for finding in self.findings)

    def decoded(self, found: "Inspection") -> "Inspection":
        """The same with what decoding found, whose counts are right where the header's are not."""
        return self.adding(*found.findings)._replace(
            content=found.content, heard=found.heard, probe=self.probe and _counting(self.probe, found)
        )


def _counting(probe: Probe, found: Inspection) -> Probe:
    samples, rate = found.heard
    # libsndfile's names of formats are in capitals.
    if samples and probe.modality == "audio" and probe.format.isupper():
        return msgspec.structs.replace(probe, frames=samples, counted=True)
    if samples:
        probe = msgspec.structs.replace(probe, audio_samples=samples, audio_rate=rate)
    if found.pictures:
        probe = msgspec.structs.replace(probe, frames=found.pictures, counted=True)
    return probe
