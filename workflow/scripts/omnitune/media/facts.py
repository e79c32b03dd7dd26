"""What is read of a medium, and the limits that it is held against."""

import os
from typing import NamedTuple

import msgspec

from omnitune.validation.codes import Finding


class Probe(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a header says; a field that does not apply is 0 or empty.

    Attributes:
        modality: image, audio or video.
        format: name of the file format, as its reader calls it.
        width, height: pixels as stored, before `orientation` or `rotation` is applied.
        duration: seconds; 0 when the header does not say.
        sample_rate: Hz, of the audio.
        channels: of the audio.
        frames: of the video, or samples of the audio that the file really has; 0 when the header does not say.
        counted: whether `frames` is a count, and no estimate by duration or bit rate.
        has_audio: whether a video carries an audio track.
        fps: frames a second, averaged over the video.
        audio_seconds: of a video's first audio track.
        audio_rate: Hz, of a video's first audio track.
        audio_codec: FFmpeg's name, of a video's first audio track.
        audio_samples: that FFmpeg decodes of sound that libsndfile does not read; 0 when decoding alone tells.
        mode: colours of the image, as Pillow names them (`RGB`, `L`, `CMYK`, `I;16`).
        orientation: EXIF's 1 to 8 of an image; 1 when nothing is to be done.
        rotation: degrees clockwise by which a video is turned for display: 0, 90, 180 or 270.
        codec: of the audio or the pictures; FFmpeg's name, or libsndfile's where that read the file.
        findings: what is noteworthy about a medium that can still be opened.
    """

    modality: str
    format: str
    width: int = 0
    height: int = 0
    duration: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    frames: int = 0
    has_audio: bool = False
    fps: float = 0.0
    audio_seconds: float = 0.0
    audio_rate: int = 0
    mode: str = ""
    orientation: int = 0
    rotation: int = 0
    codec: str = ""
    findings: tuple[Finding, ...] = ()
    counted: bool = False
    audio_samples: int = 0
    audio_codec: str = ""


class Limits(NamedTuple):
    """What a medium may measure before it gives a finding.

    Attributes:
        max_ratio: longer side over shorter side, of images and videos.
        image_max_pixels: width times height.
        image_min_side: pixels; less is not one patch of the vision encoder.
        image_max_frames: pictures in one image file; more is taken for an attack.
        audio_min_seconds: shorter than one analysis window the audio encoder has nothing to look at.
        audio_max_seconds: seconds.
        audio_min_rate, audio_max_rate: Hz.
        audio_max_channels: channels.
        audio_max_tag: bytes of an ID3 tag, which is read before the sound.
        video_max_seconds: seconds.
        video_min_side, video_max_side: pixels.
        video_max_pixels: width times height of one frame.
        video_min_fps, video_max_fps: frames a second.
        video_max_rate: bytes of file a second of video.
    """

    max_ratio: int = 200
    image_max_pixels: int = 50_000_000
    image_min_side: int = 16
    image_max_frames: int = 1_000
    audio_min_seconds: float = 0.025
    audio_max_seconds: float = 1_800.0
    audio_min_rate: int = 1_000
    audio_max_rate: int = 768_000
    audio_max_channels: int = 16
    audio_max_tag: int = 10_000_000
    video_max_seconds: float = 7_200.0
    video_min_side: int = 16
    video_max_side: int = 8_192
    video_max_pixels: int = 16_777_216
    video_min_fps: float = 0.1
    video_max_fps: float = 500.0
    video_max_rate: float = 100e6


class Unconfined(Exception):
    """Only a library can tell what a file is, and this process is not one that may come to harm."""


class Opened(msgspec.Struct, frozen=True, gc=False):
    """A regular file that is open, with its first bytes.

    Attributes:
        path: for messages and for libraries that open files themselves.
        fd: the file, open for reading.
        size: bytes.
        head: the first bytes.
        confined: whether this process may hang, fill or end by what it reads.
        content: all bytes, where they are at hand.
    """

    path: str
    fd: int
    size: int
    head: bytes
    confined: bool = True
    content: memoryview | None = None

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes from `at`; fewer at the end of the file."""
        end = at + length
        if end <= len(self.head):
            return self.head[at:end]
        if self.content is not None:
            return bytes(self.content[at:end])
        # A damaged header may name places that no file reaches, and that no system call takes.
        return os.pread(self.fd, length, at) if at < self.size else b""

    def hand_over(self) -> None:
        """To be called before a library looks at the file.

        Raises:
            Unconfined: it must not do so here.
        """
        if not self.confined:
            raise Unconfined
