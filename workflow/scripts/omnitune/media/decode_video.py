"""Every frame of a video, and its sound."""

from collections.abc import Iterator
from typing import Any

import xxhash

from omnitune.media.container import VIDEO_DEMUXERS, has_foreign_tags, open_container
from omnitune.media.facts import Probe
from omnitune.media.inspection import Inspection
from omnitune.media.mp4_header import FORMAT as MP4
from omnitune.media.structure import break_in
from omnitune.validation.codes import Finding, RowError

# Of the frames that the header promises.
_WHOLE = 0.95


def decode_video(path: str, probe: Probe) -> Inspection:
    """What is wrong with the frames, the digest of their pixels and of the coded sound, and how long that is.

    A copy in another container has the same digest: times do not count. Containers differ in how much of a
    decoder's lead-in they hide, so the sound counts as it is coded.
    """
    with open_container(path, VIDEO_DEMUXERS, "E135", "no video that can be opened") as container:
        watch = _Watch(path, container)
        for packet in container.demux(watch.streams):
            watch.take(packet)
        findings = tuple(watch.findings(probe))
        pictures = watch.pictures()
        return Inspection(None, findings, content=watch.digest(), heard=watch.heard(), pictures=pictures)


class _Watch:
    """Follows the packets of one container."""

    def __init__(self, path: str, container: Any) -> None:
        self._path, self._video = path, container.streams.video[0]
        self._sound = container.streams.audio[0] if container.streams.audio else None
        self.streams = [self._video, *([self._sound] if self._sound else [])]
        for stream in self.streams:
            stream.thread_count = 1
        self._pixels, self._coded_sound = xxhash.xxh3_128(b"video "), xxhash.xxh3_128()
        self._size, self._planar, self._unusual = (0, 0), False, ""
        self._begun = False
        self._forms, self._said = set[str](), _form(self._video.codec_context)
        self._frames = self._hidden = self._heard = self._packets = self._broken = self._sounds = 0
        self._first = self._last = 0
        self._rates, self._all_heard = set[int](), not has_foreign_tags(container)

    def take(self, packet: Any) -> None:
        """Decode one packet; a damaged one shows in the number of frames."""
        import av

        seen = packet.stream is self._video
        if seen:
            self._begun |= packet.is_keyframe and not self._packets
            self._packets += packet.size > 0
        else:
            self._coded_sound.update(packet)
            self._sounds += packet.size > 0 and not packet.is_corrupt
        try:
            frames = packet.decode()
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError):
            self._all_heard &= seen
            self._broken += seen
            return
        for frame in frames:
            if seen:
                self._see(frame)
            else:
                self._heard += frame.samples
                self._rates.add(frame.sample_rate)
        self._hidden += seen and packet.is_discard

    def _see(self, frame: Any) -> None:
        if frame.is_corrupt:
            self._broken += 1
            return
        size = (frame.width, frame.height)
        if not self._frames:
            self._begin(frame, size)
        elif size != self._size:
            raise RowError(
                "E139",
                f"{self._path} changes from {self._size[0]} x {self._size[1]} to {size[0]} x {size[1]} pixels "
                f"at frame {self._frames + 1}",
            )
        self._frames += 1
        self._forms.add(_form(frame))
        if frame.pts is not None:
            self._last = frame.pts
        for part in _planes(frame) if self._planar else [frame.to_ndarray(format="rgb24").data]:
            self._pixels.update(part)

    def _begin(self, frame: Any, size: tuple[int, int]) -> None:
        self._size, self._first = size, frame.pts or 0
        parts = frame.format.components
        self._planar = len(parts) == len(frame.planes) and parts[0].bits == 8
        self._pixels.update(f"{frame.format.name} {size} ".encode())
        if not self._begun:
            self._unusual = "does not start with a key frame"
        elif self._first < 0:
            self._unusual = "starts before its time zero"

    def findings(self, probe: Probe) -> Iterator[Finding]:
        """What the whole of them tells."""
        if not self._frames:
            yield Finding("E135", f"no frame of {self._path} can be decoded")
            return
        span = float((self._last - self._first) * (self._video.time_base or 0))
        seconds = span + 1 / float(self._video.average_rate or 1)
        # An MP4 in fragments tells neither a number of all nor a duration, apart from what it holds.
        fragments = probe.format == MP4 and self._video.frames < self._packets
        told = self._packets if fragments else self._video.frames
        # Where no number is told, the header's rate may be a guess, but its duration is not.
        short = self._frames + self._hidden < _WHOLE * told if told else seconds < _WHOLE * probe.duration - 1
        if short:
            yield Finding("E136", f"{self._frames} of {probe.frames} frames of {self._path} can be decoded")
        elif self._broken:
            what = f"{self._broken} of the {self._packets} coded pictures of {self._path} are damaged"
            yield Finding("E136", what)
        elif self._sound and self._sounds < self._sound.frames and not fragments:
            what = f"{self._sounds} of {self._sound.frames} packets of the sound of {self._path} are there"
            yield Finding("E136", what)
        elif (place := break_in(self._path, probe.format)) >= 0:
            yield Finding("E136", f"{self._path} is damaged: what stands at byte {place} is no part of a video")
        elif seconds > 2 * probe.duration + 1 and not fragments:
            what = f"{self._path} lasts {seconds:.1f} s, and its header says {probe.duration:.1f} s"
            yield Finding("E137", what)
        if self._unusual:
            yield Finding("E138", f"{self._path} {self._unusual}")
        if unread := self._unread():
            yield Finding("E242", f"{self._path} {unread}, and decord 0.6.0 does not read that")
        if self._sound:
            heard = self._heard / (self._sound.sample_rate or 1)
            if abs(heard - seconds) > max(1.0, 0.1 * seconds):
                what = f"the sound of {self._path} lasts {heard:.1f} s, its pictures {seconds:.1f} s"
                yield Finding("E141", what)

    def _unread(self) -> str:
        """What the training's reader fails on although all of it can be decoded here, in words."""
        if not self._begun:
            return "does not start with a key frame"
        if self._frames + self._hidden != self._packets:
            return f"has {self._packets} coded pictures, of which {self._frames} are shown"
        if self._forms != {self._said}:
            return f"has pictures of {', '.join(sorted(self._forms))} where its header says {self._said}"
        return ""

    def heard(self) -> tuple[int, int]:
        """Samples of the sound and their rate; zeros when a part cannot be decoded, or has another rate."""
        return (self._heard, min(self._rates)) if self._all_heard and len(self._rates) == 1 else (0, 0)

    def pictures(self) -> int:
        """Coded pictures, which the training's reader takes for the number of frames."""
        return self._packets

    def digest(self) -> str:
        """Of pictures and sound; empty when no frame was decoded."""
        if not self._frames:
            return ""
        return xxhash.xxh3_128_hexdigest(self._pixels.digest() + self._coded_sound.digest())


def _form(pictures: Any) -> str:
    """Size and colours of a frame, or of a stream by its header."""
    colours = pictures.format.name if pictures.format else "no colours"
    return f"{pictures.width} x {pictures.height} {colours}"


def _planes(frame: Any) -> Iterator[memoryview]:
    """The bytes of the picture, without what pads its rows."""
    import numpy as np

    for plane in frame.planes:
        if plane.line_size == plane.width:
            yield memoryview(plane)[: plane.width * plane.height]
        else:
            rows = np.frombuffer(plane, np.uint8, plane.line_size * plane.height)
            yield np.ascontiguousarray(rows.reshape(plane.height, plane.line_size)[:, : plane.width]).data
