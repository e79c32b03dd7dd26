"""An inspector that finds what mending is about, by the libraries: what headers say is other tests' matter."""

from collections.abc import Sequence
from contextlib import suppress

from omnitune.media.inspect import Inspection
from omnitune.media.inspect import Inspector as HeaderInspector
from omnitune.validation.codes import Finding

_MODES = {"CMYK": "E109", "I;16": "E110", "RGBA": "E111", "LA": "E112", "P": "E113", "1": "E113"}


class Inspector(HeaderInspector):
    """Adds the findings that a policy may have repaired."""

    def inspect(self, media: Sequence[tuple[str, str]]) -> list[Inspection]:
        return [
            found._replace(findings=(*found.findings, *_findings(found, path)))
            for (_, path), found in zip(media, super().inspect(media), strict=True)
        ]


def _findings(found: Inspection, path: str) -> list[Finding]:
    probe, codes = found.probe, []
    if probe and probe.modality == "audio" and (probe.sample_rate, probe.channels) != (16000, 1):
        codes.append("E086")
    if probe and probe.modality == "image":
        from PIL import Image

        # A picture that is cut off is found so by whoever decodes it.
        with suppress(OSError), Image.open(path) as image:
            codes += [_MODES[image.mode]] if image.mode in _MODES else []
            codes += ["E115"] if image.getexif().get(274, 1) != 1 else []
            codes += ["E120"] if "icc_profile" in image.info else []
    return [Finding(code, f"{path} has {code}") for code in codes]
