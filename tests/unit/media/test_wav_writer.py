"""Sound as 16 kHz mono WAV: the same pitch, level and length, whatever it comes from."""

import io
import math
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omnitune.media.wav_writer import RATE, write_wav
from omnitune.validation.codes import RowError


def tone(hz: float, seconds: float, rate: int, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def write(path: Path, samples: np.ndarray, rate: int, **options: str) -> Path:
    import soundfile

    soundfile.write(path, samples, rate, **{"subtype": "PCM_16", **options})
    return path


def written(path: Path, **options: float) -> np.ndarray:
    output = io.BytesIO()
    write_wav(str(path), output, **options)
    output.seek(0)
    with wave.open(output) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, RATE)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32768


def decibels(ratio: float) -> float:
    return 20 * math.log10(max(ratio, 1e-9))


def inside(samples: np.ndarray) -> np.ndarray:
    """Without the ends, where the filter has nothing on one side."""
    return samples[300:-300]


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 24000, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_tone_keeps_its_pitch_phase_level_and_length(tmp_path: Path, rate: int, channels: int):
    samples = tone(1000, 0.5, rate)[: -(rate // 700)]  # no round number of periods or milliseconds
    sound = written(write(tmp_path / "a.wav", np.stack([samples] * channels, axis=1), rate))
    assert len(sound) == math.ceil(len(samples) * RATE / rate)
    expected = tone(1000, 1, RATE)[: len(sound)]
    assert np.abs(inside(sound) - inside(expected)).max() < 2e-4
    assert abs(decibels(np.std(inside(sound)) / np.std(inside(expected)))) < 0.01


@pytest.mark.parametrize("hz", [50, 3000, 6000, 7000])
def test_what_16_khz_can_hold_is_kept(tmp_path: Path, hz: int):
    sound = written(write(tmp_path / "a.wav", tone(hz, 0.5, 44100), 44100))
    assert abs(decibels(np.std(inside(sound)) / (0.5 / math.sqrt(2)))) < 0.1


@pytest.mark.parametrize("hz", [8500, 9000, 12000, 20000])
def test_what_it_cannot_hold_is_gone_and_not_heard_as_another_tone(tmp_path: Path, hz: int):
    sound = written(write(tmp_path / "a.wav", tone(hz, 0.5, 44100), 44100))
    assert decibels(np.std(inside(sound)) / (0.5 / math.sqrt(2))) < -80


def test_16_khz_mono_comes_out_as_it_went_in(tmp_path: Path):
    samples = np.random.default_rng(0).integers(-32768, 32767, 20_001, dtype=np.int16, endpoint=True)
    assert np.array_equal(written(write(tmp_path / "a.wav", samples, RATE)) * 32768, samples)


def test_channels_are_averaged(tmp_path: Path):
    left, right = tone(440, 0.2, RATE, 0.8), tone(880, 0.2, RATE, 0.2)
    sound = written(write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE))
    assert np.abs(sound - (left + right) / 2).max() < 1e-4


def test_what_exceeds_full_scale_is_held_there(tmp_path: Path):
    sound = written(write(tmp_path / "a.wav", tone(440, 0.2, RATE, 2.0), RATE, subtype="FLOAT"))
    assert (sound.min(), sound.max()) == (-1.0, 32767 / 32768)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_U8"}),
        ("a.wav", {"subtype": "PCM_24"}),
        ("a.wav", {"subtype": "DOUBLE"}),
        ("a.wav", {"subtype": "ULAW"}),
        ("a.wav", {"subtype": "ALAW"}),
        ("a.wav", {"subtype": "MS_ADPCM"}),
        ("a.wav", {"subtype": "IMA_ADPCM"}),
        ("a.wav", {"subtype": "GSM610"}),
        ("a.rf64", {"format": "RF64"}),
        ("a.w64", {"format": "W64"}),
        ("a.aiff", {}),
        ("a.caf", {}),
        ("a.au", {}),
        ("a.flac", {}),
        ("a.ogg", {"subtype": "VORBIS"}),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("a.mp3", {"subtype": "MPEG_LAYER_III"}),
    ],
)
def test_every_codec_that_may_come_gives_the_same_tone(tmp_path: Path, name: str, options: dict[str, str]):
    samples = tone(500, 1, 48000 if "OPUS" in options.values() else 8000)
    rate = len(samples)
    sound = written(write(tmp_path / name, samples, rate, **options))
    assert abs(len(sound) - RATE) <= 0.08 * RATE, "a codec's frames are whole"
    spectrum = np.abs(np.fft.rfft(sound[2000:14000] * np.hanning(12000)))
    assert spectrum.argmax() == 500 * 12000 // RATE
    assert abs(decibels(np.std(sound[2000:14000]) / (0.5 / math.sqrt(2)))) < 0.5


def test_the_length_is_the_files_where_a_streaming_header_has_none(tmp_path: Path):
    path = write(tmp_path / "a.wav", tone(440, 0.3, RATE), RATE)
    content = bytearray(path.read_bytes())
    for place in (4, content.index(b"data") + 4):
        content[place : place + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(content)
    assert len(written(path)) == 4800


def tracks(path: Path, *tones: float, pictures: bool = False, rate: int = 48000) -> Path:
    """A file with one AAC track a tone, and with pictures when asked."""
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=Fraction(10)) if pictures else None
        streams = [container.add_stream("aac", rate=rate, layout="stereo") for _ in tones]
        if video:
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            for _ in range(10):
                black = np.zeros((48, 64, 3), dtype=np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(black, format="rgb24")))
            container.mux(video.encode())
        for stream, hz in zip(streams, tones, strict=True):
            samples = np.stack([tone(hz, 1, rate)] * 2).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "pictures"), [("a.m4a", False), ("a.mp4", True), ("a.mkv", True), ("a.mp3", True)]
)
def test_of_several_tracks_the_first_is_taken_and_pictures_are_left_out(tmp_path: Path, name: str, pictures: bool):
    # A video that somebody named .mp3 is read by its content.
    path = tracks(tmp_path / name.replace("mp3", "mp4"), 700, 1900, pictures=pictures).rename(tmp_path / name)
    sound = written(path)
    spectrum = np.abs(np.fft.rfft(sound[2000:14000] * np.hanning(12000)))
    assert spectrum.argmax() == 700 * 12000 // RATE
    assert abs(len(sound) - RATE) < 0.1 * RATE


def changing_rate() -> Iterator[bytes]:
    """A stream of MPEG-TS that changes its rate after half a second, as broadcasts do."""
    import av

    for rate in (48000, 32000):
        part = io.BytesIO()
        with av.open(part, "w", format="adts") as container:
            stream = container.add_stream("aac", rate=rate, layout="mono")
            frame = av.AudioFrame.from_ndarray(tone(500, 0.512, rate).astype(np.float32)[None], "fltp", "mono")
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
        yield part.getvalue()


def test_a_rate_that_changes_keeps_the_pitch(tmp_path: Path):
    (tmp_path / "a.aac").write_bytes(b"".join(changing_rate()))
    sound = written(tmp_path / "a.aac")
    for part in (sound[2000:7000], sound[-6000:-1000]):
        spectrum = np.abs(np.fft.rfft(part * np.hanning(5000)))
        assert abs(spectrum.argmax() - 500 * 5000 / RATE) <= 1


def spoil_text(path: Path) -> None:
    path.write_text("<html>")


def spoil_noise(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 9)


def spoil_nan(path: Path) -> None:
    write(path, np.array([0.0, np.nan] * 4000), RATE, subtype="FLOAT")


def spoil_empty(path: Path) -> None:
    write(path, np.zeros(0), RATE)


def spoil_pictures(path: Path) -> None:
    tracks(path.with_suffix(".mp4"), pictures=True).rename(path)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (spoil_text, "E079"),
        (spoil_noise, "E080"),
        (spoil_nan, "E080"),
        (spoil_empty, "E082"),
        (spoil_pictures, "E140"),
    ],
)
def test_what_holds_no_sound_is_refused_in_words(tmp_path: Path, spoil, code: str):
    spoil(tmp_path / "a.wav")
    with pytest.raises(RowError) as caught:
        written(tmp_path / "a.wav")
    assert caught.value.finding.code == code
    assert str(tmp_path / "a.wav") in caught.value.finding.what


def test_more_sound_than_the_header_told_of_is_refused(tmp_path: Path):
    path = write(tmp_path / "a.wav", tone(440, 2, 8000), 8000)
    assert len(written(path, seconds=2.0)) == 2 * RATE
    with pytest.raises(RowError, match="more sound than the 1 s of its header"):
        written(path, seconds=1.0)
