"""What a media file's header says, read without decoding it.

The decoders are imported on first use: a run without media never loads them.
"""

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from omnitune.media.sniff import IMAGE_NAMES, refuse_text, sniff
from omnitune.validation.codes import RowError

IMAGE_MAX_PIXELS = 50_000_000
IMAGE_MAX_RATIO = 200
# Two-picture JPEGs of phones (MPO) are opened as JPEG.
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
# Shorter than one analysis window the audio encoder has nothing to look at.
AUDIO_MIN_SECONDS = 0.025
AUDIO_RATES = (1_000, 768_000)
VIDEO_MAX_SIDE = 16_384
# Demuxers that open only the file they are given: no playlists, no concatenation, no devices.
VIDEO_DEMUXERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,gif"
AUDIO_DEMUXERS = "mp3,mov,matroska,avi,mpegts,ogg,flac,wav,aac,aiff,caf,asf,amr,w64,au"


class Probe(msgspec.Struct, frozen=True):
    """What a header says; a field that does not apply is 0.

    Attributes:
        modality: image, audio or video.
        format: name of the file format, as its reader calls it.
        width, height: pixels.
        duration: seconds; 0 when the header does not say.
        sample_rate: Hz.
        channels: of the audio.
        frames: of the video, or samples of the audio; 0 when the header does not say.
        has_audio: whether a video carries an audio track.
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


class ProbeCache:
    """Remembers the last probes, refusals included: rows that share a file share its probe."""

    def __init__(self, size: int = 8192) -> None:
        self._size = size
        self._known: OrderedDict[tuple[str, str], Probe | RowError] = OrderedDict()

    def probe(self, modality: str, path: str) -> Probe:
        """The same as `probe`."""
        key = (modality, path)
        known = self._known.get(key)
        if known is None:
            try:
                known = probe(modality, path)
            except RowError as error:
                known = error
            self._known[key] = known
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        if isinstance(known, RowError):
            raise known.with_traceback(None)
        return known


def probe(modality: str, path: str) -> Probe:
    """Read the header of the medium at `path`; a RowError says why it cannot be used."""
    try:
        return _PROBES[modality](path)
    except FileNotFoundError:
        raise RowError("E061", f"no such file: {path}") from None
    except OSError as error:
        raise RowError("E063", f"{path} cannot be read ({error.strerror or error})") from None


def _probe_audio(path: str) -> Probe:
    import soundfile

    try:
        info = soundfile.info(path)
    except (soundfile.SoundFileError, TypeError):
        # TypeError is what a file named .raw leads to.
        return _probe_audio_stream(path)
    return _checked_audio(path, info.format, info.samplerate, info.channels, info.frames)


def _probe_audio_stream(path: str) -> Probe:
    """What libsndfile cannot open (m4a, AAC, the sound of a video): FFmpeg's view of it."""
    with open_container(path, AUDIO_DEMUXERS, "E080", "no audio format that is known") as container:
        if not container.streams.audio:
            raise RowError("E080", f"{path} has no audio track")
        stream = container.streams.audio[0]
        seconds = _seconds(stream, container)
        rate = stream.sample_rate or 0
        return _checked_audio(path, container.format.name, rate, stream.channels, round(seconds * rate))


def _checked_audio(path: str, name: str, rate: int, channels: int, frames: int) -> Probe:
    if not AUDIO_RATES[0] <= rate <= AUDIO_RATES[1]:
        raise RowError("E094", f"{path} has a sample rate of {rate} Hz")
    if frames <= 0:
        raise RowError("E082", f"{path} has a header but no samples")
    seconds = frames / rate
    if seconds < AUDIO_MIN_SECONDS:
        raise RowError("E091", f"{path} lasts {seconds:.4f} s, less than {AUDIO_MIN_SECONDS} s")
    return Probe("audio", name, duration=seconds, sample_rate=rate, channels=channels, frames=frames)


def _probe_image(path: str) -> Probe:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Our own limit is stricter, and says what to do.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=IMAGE_FORMATS) as image:
                width, height, name = image.width, image.height, image.format or ""
    except UnidentifiedImageError:
        raise _unidentified_image(path) from None
    except Image.DecompressionBombError:
        raise RowError("E102", f"{path} has far more than {IMAGE_MAX_PIXELS // 10**6} megapixels") from None
    except (SyntaxError, ValueError, EOFError) as error:
        raise RowError("E101", f"{path} cannot be opened as an image ({error})") from None
    if width * height > IMAGE_MAX_PIXELS:
        raise RowError("E102", f"{path} has {width} x {height} pixels, the limit is 50 megapixels")
    if min(width, height) == 0:
        raise RowError("E101", f"{path} has {width} x {height} pixels")
    if max(width, height) > IMAGE_MAX_RATIO * min(width, height):
        raise RowError("E107", f"{path} has {width} x {height} pixels, beyond a ratio of {IMAGE_MAX_RATIO}")
    return Probe("image", name, width=width, height=height)


def _unidentified_image(path: str) -> RowError:
    refuse_text(path)
    what = sniff(path)
    if what in IMAGE_NAMES:
        return RowError("E101", f"{path} is a damaged {what}")
    return RowError("E118", f"{path} is {what}, none of the image formats {', '.join(IMAGE_FORMATS)}")


def _probe_video(path: str) -> Probe:
    with open_container(path, VIDEO_DEMUXERS, "E135", "no video that can be opened") as container:
        if not container.streams.video:
            raise RowError("E125", f"{path} has no video stream")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise RowError("E143", f"{path} has a codec that cannot be decoded here")
        width, height = stream.width, stream.height
        if not (0 < width <= VIDEO_MAX_SIDE and 0 < height <= VIDEO_MAX_SIDE):
            raise RowError("E131", f"{path} has {width} x {height} pixels")
        rate = float(stream.average_rate or 0)
        if rate <= 0:
            raise RowError("E128", f"{path} has no frame rate")
        seconds = _seconds(stream, container)
        frames = stream.frames or round(seconds * rate)
        if frames == 1:
            raise RowError("E126", f"{path} has 1 frame")
        return Probe(
            "video",
            container.format.name,
            width=width,
            height=height,
            duration=seconds,
            frames=frames,
            has_audio=bool(container.streams.audio),
        )


def open_container(path: str, demuxers: str, code: str, what: str) -> Any:
    """Open a container with FFmpeg, which may read this one file and nothing it points to."""
    import av

    options = {"protocol_whitelist": "file", "format_whitelist": demuxers}
    try:
        return av.open(f"file:{path}", container_options=options, metadata_errors="replace")
    except (FileNotFoundError, PermissionError):
        raise
    except (av.FFmpegError, ValueError, UnicodeError) as error:
        refuse_text(path)
        reason = getattr(error, "strerror", None) or error
        raise RowError(code, f"{path} is {what} ({sniff(path)}: {reason})") from None


def _seconds(stream: Any, container: Any) -> float:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1_000_000


_PROBES: dict[str, Callable[[str], Probe]] = {
    "audio": _probe_audio,
    "image": _probe_image,
    "video": _probe_video,
}
