"""Every frame of a video, and its sound."""

from collections.abc import Iterator
from typing import Any

import xxhash

from omnitune.media.decode_audio import Levels, samples_of
from omnitune.media.probe import VIDEO_DEMUXERS, Probe, open_container
from omnitune.validation.codes import Finding, RowError

# Of the frames that the header promises.
_WHOLE = 0.95


def decode_video(path: str, probe: Probe) -> tuple[list[Finding], str]:
    """What is wrong with the frames, and the digest of them and the sound, without their times.

    A copy in another container has the same digest.
    """
    with open_container(path, VIDEO_DEMUXERS, "E135", "no video that can be opened") as container:
        watch = _Watch(path, container)
        for packet in container.demux(watch.streams):
            watch.take(packet)
        findings = list(watch.findings(probe))
        return findings, watch.digest()


class _Watch:
    """Follows the packets of one container."""

    def __init__(self, path: str, container: Any) -> None:
        self._path, self._video = path, container.streams.video[0]
        self._sound = container.streams.audio[0] if container.streams.audio else None
        self.streams = [self._video, *([self._sound] if self._sound else [])]
        for stream in self.streams:
            stream.thread_count = 1
        self._rate = self._sound.sample_rate or 1 if self._sound else 1
        self._levels = Levels(path)
        self._pixels = xxhash.xxh3_128(b"video ")
        self._size: tuple[int, int] | None = None
        self._frames = self._hidden = 0
        self._unusual = ""
        self._first = self._last = 0.0

    def take(self, packet: Any) -> None:
        """Decode one packet; a damaged one shows in the number of frames."""
        import av

        if packet.stream.index == self._video.index:
            self._hidden += packet.is_discard and packet.size > 0
        try:
            for frame in packet.decode():
                if packet.stream.index == self._video.index:
                    self._look_at(frame)
                else:
                    self._levels.add(samples_of(frame))
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError):
            return

    def _look_at(self, frame: Any) -> None:
        if frame.is_corrupt:
            return
        size = (frame.width, frame.height)
        if self._size is None:
            self._size, self._first = size, frame.time or 0.0
            self._pixels.update(f"{frame.format.name} {size} ".encode())
            if not frame.key_frame:
                self._unusual = "does not start with a key frame"
            elif self._first < 0:
                self._unusual = f"starts at {self._first:.3f} s, before zero"
        elif size != self._size:
            raise RowError(
                "E139",
                f"{self._path} changes from {self._size[0]} x {self._size[1]} to {size[0]} x {size[1]} pixels "
                f"at frame {self._frames + 1}",
            )
        self._frames += 1
        self._last = frame.time if frame.time is not None else self._last
        for part in _planes(frame):
            self._pixels.update(part)

    def findings(self, probe: Probe) -> Iterator[Finding]:
        """What the whole of them tells."""
        if not self._frames:
            yield Finding("E135", f"no frame of {self._path} can be decoded")
            return
        seconds = self._last - self._first + 1 / float(self._video.average_rate or 1)
        told = self._video.frames
        # Where no number is told, the header's rate may be a guess, but its duration is not.
        short = self._frames + self._hidden < _WHOLE * told if told else seconds < _WHOLE * probe.duration - 1
        if short:
            yield Finding("E136", f"{self._frames} of {probe.frames} frames of {self._path} can be decoded")
        elif seconds > 2 * probe.duration + 1:
            what = f"{self._path} lasts {seconds:.1f} s, and its header says {probe.duration:.1f} s"
            yield Finding("E137", what)
        if self._unusual:
            yield Finding("E138", f"{self._path} {self._unusual}")
        sound = self._levels.samples / self._rate
        if self._sound and abs(sound - seconds) > max(1.0, 0.1 * seconds):
            what = f"the sound of {self._path} lasts {sound:.1f} s, its pictures {seconds:.1f} s"
            yield Finding("E141", what)

    def digest(self) -> str:
        """Of the pictures and the sound; empty when no frame was decoded."""
        if not self._frames:
            return ""
        return xxhash.xxh3_128_hexdigest(self._pixels.digest() + self._levels.digest().encode())


def _planes(frame: Any) -> Iterator[Any]:
    """The bytes of the picture, without what pads its rows."""
    import numpy as np

    parts = frame.format.components
    if len(parts) != len(frame.planes) or parts[0].bits != 8:
        yield np.ascontiguousarray(frame.to_ndarray(format="rgb24"))
        return
    for plane in frame.planes:
        if plane.line_size == plane.width:
            yield memoryview(plane)[: plane.width * plane.height]
        else:
            rows = np.frombuffer(plane, np.uint8, plane.line_size * plane.height)
            yield np.ascontiguousarray(rows.reshape(plane.height, plane.line_size)[:, : plane.width])
