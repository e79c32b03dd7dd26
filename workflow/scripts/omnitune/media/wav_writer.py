"""The first audio track of any file as a 16 kHz mono WAV of 16 bits: the one way in which sound is written.

Channels are averaged, as librosa, soundfile's users and ms-swift do. VERSION names the recipe; files made by
another one are not taken for these.
"""

import math
import wave
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from omnitune.media.container import AUDIO_DEMUXERS, VIDEO_DEMUXERS, open_container
from omnitune.validation.codes import RowError

RATE = 16_000
VERSION = 2
# Files of sound, and those whose pictures are left out.
DEMUXERS = tuple({*VIDEO_DEMUXERS, *AUDIO_DEMUXERS, "mp3"})
# FFmpeg's default filter lets -26 dB of a tone at 8.5 kHz through, as one of 7.5 kHz, and takes 0.4 dB off at
# 7 kHz; this one -104 dB and nothing, for less than twice the time (tests/unit/media/test_wav_writer.py holds it).
_FILTER = f"{RATE}:filter_size=128:filter_type=kaiser:cutoff=0.97"


def write_wav(path: str, output: BinaryIO, code: str = "E080", seconds: float = math.inf) -> None:
    """Write the sound of `path`: as many samples as last as long as it, rounded up.

    Args:
        path: a file of sound, or a video.
        output: binary file that can be sought in.
        code: of the refusal when there is no sound that can be decoded.
        seconds: more sound than this is refused: the header did not tell of it.

    Raises:
        RowError: E140 without an audio track, E082 without samples.
    """
    with open_container(path, DEMUXERS, code, "no sound that can be opened") as container:
        if not container.streams.audio:
            raise RowError("E140", f"{path} has no audio track", "Add one, or set extract_audio: false.")
        with wave.open(output, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(RATE)
            written = 0
            for samples in _resampled(_decoded(container, path, code)):
                written += len(samples)
                if written > seconds * RATE:
                    raise RowError(code, f"{path} holds more sound than the {seconds:.0f} s of its header")
                sound.writeframesraw(_to_16_bits(samples))
    if not written:
        raise RowError("E082", f"the audio track of {path} has no samples")


def _decoded(container: Any, path: str, code: str) -> Iterator[tuple[int, np.ndarray]]:
    """(rate, samples between -1 and 1 of all channels averaged) of every frame."""
    import av

    # Only the format changes here; one resampler serves frames of one kind, and few files have two.
    planar: dict[tuple[str, str, int], av.AudioResampler] = {}
    try:
        for frame in container.decode(audio=0):
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            if kind not in planar:
                planar[kind] = av.AudioResampler("fltp", frame.layout, frame.sample_rate)
            for part in planar[kind].resample(frame):
                samples = part.to_ndarray().mean(axis=0, dtype=np.float32)
                if not np.isfinite(samples).all():
                    raise RowError(code, f"{path} has samples that are no numbers")
                yield frame.sample_rate, samples
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RowError(code, f"the audio track of {path} cannot be decoded ({reason})") from None


def _resampled(frames: Iterator[tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
    """The same sound at RATE; a file that changes its rate is resampled in parts."""
    rate, part = 0, None
    for this_rate, samples in frames:
        if part is None or this_rate != rate:
            if part is not None:
                yield from part.rest()
            rate, part = this_rate, _Part(this_rate)
        yield from part.add(samples)
    if part is not None:
        yield from part.rest()


class _Part:
    """Sound of one rate; what comes out lasts as long as what went in, to the sample."""

    def __init__(self, rate: int) -> None:
        self._rate, self._read, self._written = rate, 0, 0
        self._graph = None if rate == RATE else self._open(rate)

    def add(self, samples: np.ndarray) -> Iterator[np.ndarray]:
        import av

        if self._graph is None:
            yield samples
            return
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = self._rate, self._read
        self._read += len(samples)
        self._graph.push(frame)
        yield from self._ready()

    def rest(self) -> Iterator[np.ndarray]:
        if self._graph is None:
            return
        self._graph.push(None)
        wanted = -(-self._read * RATE // self._rate)
        for samples in self._ready():
            yield samples[: max(0, wanted - self._written + len(samples))]
        if self._written < wanted:
            yield np.zeros(wanted - self._written, dtype=np.float32)

    def _ready(self) -> Iterator[np.ndarray]:
        import av

        assert self._graph is not None
        while True:
            try:
                samples = self._graph.pull().to_ndarray()[0]
            except (av.BlockingIOError, av.EOFError):
                return
            self._written += len(samples)
            yield samples

    @staticmethod
    def _open(rate: int) -> Any:
        from av.filter import Graph

        graph = Graph()
        source = graph.add_abuffer(sample_rate=rate, format="fltp", layout="mono")
        graph.link_nodes(source, graph.add("aresample", _FILTER), graph.add("abuffersink")).configure()
        return graph


def _to_16_bits(samples: np.ndarray) -> bytes:
    # Rounded and held in range, so that 16 bits come out as they went in.
    return np.clip(np.rint(samples * np.float32(32768)), -32768, 32767).astype("<i2").tobytes()
