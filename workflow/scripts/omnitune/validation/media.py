"""The media of a batch of rows: looked into, and put right where the policy says so."""

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from omnitune.media.inspect import Inspection, Inspector
from omnitune.media.known import renamed
from omnitune.media.mender import Mender
from omnitune.media.sound import unscaled
from omnitune.media.urls import is_url
from omnitune.records import Medium
from omnitune.validation.codes import CODES, Finding
from omnitune.validation.policy import Policy

FETCHED = "E243"


class Seen(NamedTuple):
    """One medium as it is to be used.

    Attributes:
        modality: image, audio or video.
        path: of the file to use: the one given, or what was made of it.
        inspection: of that file; its findings are all that is left to say of the medium.
        origin: the file or URL given, when another is to be used.
        repairs: codes of what was put right.
        name: what messages call it, when its file is none that the user had.
        state: size and time of change of the file, before it was looked into.
    """

    modality: str
    path: str
    inspection: Inspection
    origin: str = ""
    repairs: tuple[str, ...] = ()
    name: str = ""
    state: tuple[int, int] = (0, 0)

    def called(self, name: str) -> "Seen":
        """The same with messages that call it so, and not by the path of its file."""
        return self._replace(name=name, inspection=renamed(self.inspection, self.origin or self.path, name))

    def facts(self) -> Medium:
        """What is known of the file to use."""
        found, probe = self.inspection, self.inspection.probe
        size = (probe.width, probe.height, probe.duration) if probe else (0, 0, 0.0)
        bytes_, mtime_ns = self.state
        return Medium(self.modality, *size, found.digest, found.content, self.origin, bytes_, mtime_ns)

    def words(self) -> str:
        """What was made of what; empty when nothing was."""
        if not self.repairs:
            return ""
        made = f" of {self.name or self.origin or self.path}"
        if self.origin:
            made += f", used is {self.path}"
        return f"put right: {', '.join(CODES[code].name for code in self.repairs)}{made}."


class MediaJudge:
    """Looks into media and answers what it finds.

    Args:
        policy: what is done about each finding.
        inspector: reads media.
        mender: puts them right; None: what would be put right is only named.
        audio_in_video: whether the sound of videos is used.
        fetch: files for URLs, or why there are none; None: URLs are refused.
    """

    def __init__(
        self,
        policy: Policy,
        inspector: Inspector,
        mender: Mender | None,
        audio_in_video: bool,
        fetch: Callable[[Sequence[str]], Sequence[str | Finding]] | None = None,
    ) -> None:
        self._policy, self._inspector, self._mender = policy, inspector, mender
        self._audio_in_video, self._fetch = audio_in_video, fetch

    def look(self, media: Sequence[tuple[str, str]]) -> list[Seen]:
        """What there is to say of each (modality, absolute path or URL), in their order."""
        urls = list(dict.fromkeys(path for _, path in media if is_url(path)))
        if not urls:
            return self._look(media)
        fetched = dict(zip(urls, self._fetched(urls), strict=True))
        local = [(modality, fetched.get(path, path)) for modality, path in media]
        seen = iter(self._look([(modality, path) for modality, path in local if isinstance(path, str)]))
        return [
            Seen(modality, given, Inspection(None, (path,)))
            if isinstance(path, Finding)
            else _from(given, path, next(seen))
            for (modality, given), (_, path) in zip(media, local, strict=True)
        ]

    def _fetched(self, urls: Sequence[str]) -> Sequence[str | Finding]:
        if self._fetch is None:
            return [Finding("E071", f"{url} is a URL, and no URL is read") for url in urls]
        if self._policy.action(FETCHED) != "repair":
            return [Finding(FETCHED, f"{url} is not fetched") for url in urls]
        return self._fetch(urls)

    def _look(self, media: Sequence[tuple[str, str]]) -> list[Seen]:
        mended = self._mended(self._inspect(media))
        # What was made is looked into all at once, as the originals were.
        again = iter(self._inspect([(seen.modality, seen.path) for seen in mended if seen.origin]))
        return [self._judged(seen, next(again)) if seen.origin else seen for seen in mended]

    def _inspect(self, media: Sequence[tuple[str, str]]) -> list[Seen]:
        # Asked first: what is written to a file while it is looked into counts as a change of it.
        states = {path: _state(path) for path in {path for _, path in media}}
        inspections = self._inspector.inspect(media)
        return [
            Seen(modality, path, _adding(inspection, *self._unheard(path, inspection)), state=states[path])
            for (modality, path), inspection in zip(media, inspections, strict=True)
        ]

    def _unheard(self, path: str, inspection: Inspection) -> Sequence[Finding]:
        """What is wrong with the sound of a video when it is used."""
        probe = inspection.probe
        if not (self._audio_in_video and probe and probe.modality == "video"):
            return []
        if not probe.has_audio:
            return [Finding("E140", f"{path} has no audio track, but media.audio_in_video is true")]
        if inspection.content and not inspection.heard[0]:
            return [Finding("E081", f"the sound of {path} cannot be read as a whole")]
        why = unscaled(probe.audio_codec, probe.audio_rate)
        return [Finding("E240", f"{path} is a video with {probe.audio_codec} sound, {why}")] if why else []

    def _mended(self, media: Sequence[Seen]) -> list[Seen]:
        """With the files that were made of them, and without the findings that this puts right."""
        faults = {seen: found for seen in dict.fromkeys(media) if (found := self._faults(seen))}
        made: list[str | Finding]
        if self._mender is None:
            made = ["" for _ in faults]
        else:
            wanted = [(seen, seen.inspection._replace(findings=found)) for seen, found in faults.items()]
            made = self._mender.mend([(seen.modality, seen.path, wish) for seen, wish in wanted])
        mended = dict(zip(faults, made, strict=True))
        return [self._answered(seen, faults[seen], mended[seen]) if seen in mended else seen for seen in media]

    def _faults(self, seen: Seen) -> tuple[Finding, ...]:
        """What is to be put right, unless something keeps the medium out all the same."""
        found = seen.inspection.findings
        if any(map(self._policy.refuses, found)):
            return ()
        return tuple(finding for finding in found if self._policy.action(finding.code) == "repair")

    def _answered(self, seen: Seen, faults: tuple[Finding, ...], made: str | Finding) -> Seen:
        if isinstance(made, Finding):
            # A policy that lets the reason pass does not make the repair good.
            code = made.code if self._policy.refuses(made) else "E220"
            return seen._replace(inspection=_adding(seen.inspection, made._replace(code=code)))
        rest = tuple(finding for finding in seen.inspection.findings if finding not in faults)
        return seen._replace(
            path=made or seen.path,
            inspection=seen.inspection._replace(findings=rest),
            origin=seen.path if made else "",
            repairs=tuple(dict.fromkeys(fault.code for fault in faults)),
        )

    def _judged(self, seen: Seen, made: Seen) -> Seen:
        """With the inspection of what was made: a fault that is still there keeps the row out."""
        findings = [
            finding._replace(code="E220") if self._policy.action(finding.code) == "repair" else finding
            for finding in renamed(made.inspection, made.path, f"what was made of {seen.origin}").findings
        ]
        known = made.inspection._replace(findings=seen.inspection.findings)
        return seen._replace(inspection=_adding(known, *findings), state=made.state)


def _state(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116 (the path is a string all along)
    except OSError:
        return 0, 0  # looking into it tells why
    return status.st_size, status.st_mtime_ns


def _from(url: str, path: str, seen: Seen) -> Seen:
    """The medium of a file that was fetched to `path`; the same when it was none."""
    if not is_url(url):
        return seen
    inspection = renamed(seen.inspection, path, url)
    return seen._replace(origin=url, repairs=(FETCHED, *seen.repairs), inspection=inspection)


def _adding(inspection: Inspection, *findings: Finding) -> Inspection:
    """With more findings, those of a code that is there already left out."""
    codes = {finding.code for finding in inspection.findings}
    new = tuple(finding for finding in findings if finding.code not in codes)
    return inspection._replace(findings=inspection.findings + new)
