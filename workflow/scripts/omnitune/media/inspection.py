"""What is found out about one medium."""

from typing import NamedTuple

from omnitune.media.probe import Probe
from omnitune.validation.codes import CODES, Finding


class Inspection(NamedTuple):
    """One medium.

    Attributes:
        probe: what its header says; None when it cannot be opened.
        findings: what is wrong or noteworthy, each code once.
        digest: of the file's bytes, xxh3-128 in hex; empty when they were not read.
        content: of the decoded samples or pixels; empty when they were not decoded.
    """

    probe: Probe | None
    findings: tuple[Finding, ...] = ()
    digest: str = ""
    content: str = ""

    def adding(self, *findings: Finding) -> "Inspection":
        """The same with more findings; of each code the first stays, since the header's names the cause."""
        found = {finding.code: finding for finding in reversed([*self.findings, *findings])}
        return self._replace(findings=tuple(reversed(found.values())))

    def refused(self) -> bool:
        """Whether it has something that no repair is known for and that is rejected unless a policy says else."""
        return self.probe is None or any(CODES[finding.code].actions[0] == "reject" for finding in self.findings)
