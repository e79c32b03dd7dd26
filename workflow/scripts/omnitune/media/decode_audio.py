"""Every sample of a sound, decoded block by block."""

from collections.abc import Iterator
from typing import Any

import xxhash

from omnitune.media.container import AUDIO_DEMUXERS, has_foreign_tags, open_container
from omnitune.media.facts import Probe
from omnitune.media.inspection import Inspection
from omnitune.media.sound_file import NO_LENGTH, open_sound
from omnitune.validation.codes import Finding, RowError

# In 16-bit steps: -70 dBFS, full scale, and a mean that no recording of sound has.
_SILENCE = 10
_RAIL = 32_767
_OFFSET = 0.05 * 32_768
_CLIPPED_SHARE = 0.01
# Times full scale; what is louder was never sound.
_LOUDEST = 100
_BLOCK = 1 << 17
# Encoders put up to some frames of silence before and after the sound.
_PADDING = 4096
_CHANGING = "which changes its form, and ms-swift joins sound of one form alone"
# What is decoded into floating point; libsndfile is slow at turning that into 16 bits.
_FLOAT = ("FLOAT", "DOUBLE", "MPEG", "VORBIS", "OPUS")


def decode_audio(path: str, probe: Probe) -> Inspection:
    """What is wrong with the samples, the digest of their values in 16 bits at their own rate, and their number.

    A file without loss has the same digest in every format; one that is coded with loss has that of its decoding.
    It is read by the library that ms-swift reads it with (`sound_file`).
    """
    levels = Levels(path, probe.sample_rate, probe.channels)
    with open(path, "rb") as file:  # noqa: PTH123 (the path is a string all along)
        sound, misread = open_sound(file.fileno())
        if sound is None or sound.frames >= NO_LENGTH:
            exact, forms = False, set[tuple[int, str, str]]()
            for form, block in _stream_blocks(path):
                forms.add(form)
                levels.add(block)
            rates = {form[0] for form in forms}
            misread = misread or (_CHANGING if len(forms) > 1 else "")
        else:
            with sound:
                exact = sound.subtype.startswith(("PCM", "FLOAT", "DOUBLE", "ULAW", "ALAW"))
                rates = {sound.samplerate}
                for block in _sound_blocks(path, sound):
                    levels.add(block)
    heard = (levels.samples, min(rates)) if len(rates) == 1 else (0, 0)
    # A decoder may give out another rate than the header says.
    found = round(levels.samples * probe.sample_rate / heard[1]) if heard[1] else levels.samples
    findings = (*_length(path, probe.frames, found, exact), *levels.findings())
    if misread:
        findings += (Finding("E240", f"{path} is {probe.format} with {probe.codec} sound, {misread}"),)
    return Inspection(None, findings, content=levels.digest(), heard=heard)


def _length(path: str, said: int, found: int, exact: bool) -> Iterator[Finding]:
    what = f"{path} holds {found} samples, and its header says {said}"
    if not found:
        yield Finding("E082", f"{path} has a header but no samples")
    elif found < said and (exact or found + _PADDING < 0.95 * said):
        yield Finding("E081", what)
    elif abs(found - said) > max(0.01 * said, _PADDING):
        yield Finding("E100", what)


def _sound_blocks(path: str, sound: Any) -> Iterator[Any]:
    """The samples by libsndfile, as int16 or float32 of shape (samples, channels)."""
    import numpy as np
    import soundfile

    kind = "float32" if sound.subtype.startswith(_FLOAT) else "int16"
    # One buffer: memory that is new for every block costs more than the copy.
    buffer = np.empty((max(1, min(sound.frames, _BLOCK // sound.channels)), sound.channels), kind)
    done = 0
    try:
        # Not asked once more at the end: each call seeks, and a seek in FLAC and MP3 decodes again. Nor where less
        # comes out, at damage: ms-swift asks once.
        while done < sound.frames:
            wanted = min(len(buffer), sound.frames - done)
            block = sound.read(wanted, out=buffer)
            done += len(block)
            if len(block):
                yield block
            if len(block) < wanted:
                break
    except soundfile.SoundFileError as error:
        raise RowError("E081", f"{path} cannot be decoded after {done} samples ({error})") from None


def _stream_blocks(path: str) -> Iterator[tuple[tuple[int, str, str], Any]]:
    """((rate, format, layout), the same) by FFmpeg, for what libsndfile does not know."""
    import av

    with open_container(path, AUDIO_DEMUXERS, "E080", "no audio format that is known") as container:
        if has_foreign_tags(container):
            raise RowError("E240", f"{path} has tags that are no UTF-8, and ms-swift reads no sound with such")
        stream = container.streams.audio[0]
        stream.thread_count = 1
        try:
            for frame in container.decode(stream):
                yield (frame.sample_rate, frame.format.name, frame.layout.name), samples_of(frame)
        except (av.FFmpegError, ValueError) as error:
            if isinstance(error, MemoryError):
                raise
            reason = getattr(error, "strerror", None) or error
            raise RowError("E081", f"{path} cannot be decoded to its end ({reason})") from None


def samples_of(frame: Any) -> Any:
    """A frame of FFmpeg's as int16 or float of shape (samples, channels)."""
    import numpy as np

    block = frame.to_ndarray()
    block = block.T if frame.format.is_planar else block.reshape(frame.samples, -1)
    if block.dtype == np.int32:
        return (block >> 16).astype(np.int16)
    return (block.astype(np.int16) - 128) << 8 if block.dtype == np.uint8 else block


class Levels:
    """Gathers what is odd about samples, and their digest, in memory that does not grow."""

    def __init__(self, path: str, rate: int = 0, channels: int = 0) -> None:
        self._path, self.samples = path, 0
        self._hash = xxhash.xxh3_128(f"audio {rate} {channels} ".encode())
        self._wrong = self._clipped = 0
        self._total: Any = 0
        self._peak: Any = 0

    def add(self, block: Any) -> None:
        """Take in int16 or float samples of shape (samples, channels)."""
        import numpy as np

        if block.dtype != np.int16:
            block = self._in_16_bits(block)
        self.samples += len(block)
        high, low = block.max(axis=0).astype(int), block.min(axis=0).astype(int)
        self._peak = np.maximum(self._peak, np.maximum(high, -low))
        self._total = self._total + block.sum(axis=0, dtype=np.int64)
        if max(high.max(), -low.min()) >= _RAIL:
            self._clipped += int(np.count_nonzero((block >= _RAIL) | (block <= -_RAIL)))
        self._hash.update(np.ascontiguousarray(block).data)

    def _in_16_bits(self, block: Any) -> Any:
        import numpy as np

        # Not a number is largest and smallest of all it stands among.
        highest, lowest = block.max(), block.min()
        if not -_LOUDEST < lowest <= highest < _LOUDEST:
            wrong = ~(np.abs(block) < _LOUDEST)
            self._wrong += int(np.count_nonzero(wrong))
            block = np.where(wrong, np.float32(0), block)
        scaled = block * np.float32(32_768)
        np.rint(scaled, out=scaled)
        if not -1 < lowest <= highest < 32_767 / 32_768:
            np.clip(scaled, -32_768, 32_767, out=scaled)
        return scaled.astype(np.int16)

    def findings(self) -> Iterator[Finding]:
        """What is odd about all of them."""
        import numpy as np

        if not self.samples:
            return
        peaks = np.atleast_1d(self._peak)
        if self._wrong:
            what = f"{self._wrong} samples that are no numbers, or beyond {_LOUDEST} times full scale"
            yield Finding("E088", f"{self._path} has {what}")
        if peaks.max() <= _SILENCE:
            yield Finding("E089", f"{self._path} is silent (below -70 dBFS)")
            return
        oddities = []
        clipped = self._clipped / (self.samples * len(peaks))
        if clipped > _CLIPPED_SHARE:
            oddities.append(f"{100 * clipped:.0f} % of its samples are clipped")
        if quiet := [str(number) for number, peak in enumerate(peaks, 1) if peak <= _SILENCE]:
            oddities.append(f"channel {', '.join(quiet)} is silent")
        if (offset := np.abs(self._total / self.samples).max()) > _OFFSET:
            oddities.append(f"its mean is {100 * offset / 32_768:.0f} % of full scale off zero")
        if oddities:
            yield Finding("E090", f"{self._path}: {'; '.join(oddities)}")

    def digest(self) -> str:
        """Of all samples so far; empty when there are none."""
        return self._hash.hexdigest() if self.samples else ""
