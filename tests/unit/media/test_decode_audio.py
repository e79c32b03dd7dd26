"""What is found in samples."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from omnitune.media.decode_audio import decode_audio
from omnitune.media.probe import probe
from omnitune.validation.codes import RowError

RATE = 16_000
TONE = 0.3 * np.sin(np.arange(RATE) * 0.1)


def write(path: Path, samples, **options) -> Path:
    soundfile.write(path, samples, RATE, **options)
    return path


def decode(path: Path) -> tuple[list[str], str]:
    found = decode_audio(str(path), probe("audio", str(path)))
    findings, content = found.findings, found.content
    return [finding.code for finding in findings], content


def m4a(path: Path, samples) -> Path:
    with av.open(str(path), "w") as container:
        track = container.add_stream("aac", rate=RATE, layout="mono")
        for start in range(0, len(samples), 1024):
            part = samples[None, start : start + 1024].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(part, "fltp", "mono")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(track.encode(frame))
        container.mux(track.encode())
    return path


def test_good_sound_has_no_findings_in_any_format(tmp_path: Path):
    for name in ("a.wav", "a.flac", "a.ogg", "a.mp3"):
        assert decode(write(tmp_path / name, TONE))[0] == [], name
    assert decode(m4a(tmp_path / "a.m4a", TONE))[0] == []
    for subtype in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"):
        assert decode(write(tmp_path / f"{subtype}.wav", TONE, subtype=subtype))[0] == [], subtype


def test_equal_samples_have_one_digest_whatever_holds_them(tmp_path: Path):
    samples = np.round(TONE * 32_767).astype(np.int16)
    files = [write(tmp_path / "a.wav", samples), write(tmp_path / "a.flac", samples)]
    files += [write(tmp_path / "f.wav", (samples / 32_768).astype(np.float32), subtype="FLOAT")]
    files += [write(tmp_path / "a.aiff", samples), write(tmp_path / "b.wav", samples / 32_768, subtype="DOUBLE")]
    assert len({decode(path)[1] for path in files}) == 1
    samples[100] += 1
    other = decode(write(tmp_path / "c.wav", samples))[1]
    stereo = decode(write(tmp_path / "d.wav", samples.reshape(-1, 2)))[1]
    assert len({other, stereo, decode(files[0])[1]}) == 3


def test_a_digest_does_not_depend_on_the_size_of_blocks(tmp_path: Path, monkeypatch):
    path = write(tmp_path / "a.wav", np.stack([TONE, -TONE], axis=1))
    whole = decode(path)
    monkeypatch.setattr("omnitune.media.decode_audio._BLOCK", 600)
    assert decode(path) == whole


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(tmp_path: Path, value):
    samples = TONE.copy()
    samples[[5, 700]] = value
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    findings = decode_audio(str(path), probe("audio", str(path))).findings
    assert [(finding.code, finding.what) for finding in findings] == [
        ("E088", f"{path} has 2 samples that are no numbers, or beyond 100 times full scale")
    ]


def test_silence_is_below_70_db(tmp_path: Path):
    assert decode(write(tmp_path / "zero.wav", 0 * TONE))[0] == ["E089"]
    assert decode(write(tmp_path / "hiss.wav", TONE * 0.0008))[0] == ["E089"]
    assert decode(write(tmp_path / "quiet.wav", TONE * 0.01))[0] == []


@pytest.mark.parametrize(
    ("samples", "what"),
    [
        (np.clip(TONE * 20, -1, 1), "% of its samples are clipped"),
        (np.stack([TONE, 0 * TONE], axis=1), "channel 2 is silent"),
        (TONE + 0.3, "its mean is 30 % of full scale off zero"),
    ],
)
def test_clipped_lopsided_and_shifted_sound(tmp_path: Path, samples, what):
    path = write(tmp_path / "a.wav", samples)
    (finding,) = decode_audio(str(path), probe("audio", str(path))).findings
    assert finding.code == "E090"
    assert what in finding.what


def test_a_peak_at_full_scale_is_good(tmp_path: Path):
    assert decode(write(tmp_path / "a.wav", TONE / 0.3))[0] == []


def test_sound_that_breaks_off(tmp_path: Path):
    path = write(tmp_path / "a.flac", np.random.default_rng(1).normal(0, 0.1, RATE))
    said = probe("audio", str(path))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    try:
        codes = [finding.code for finding in decode_audio(str(path), said).findings]
    except RowError as error:
        codes = [error.finding.code]
    assert codes == ["E081"]


def test_a_length_that_readers_will_not_agree_on(tmp_path: Path):
    import msgspec

    path = write(tmp_path / "a.mp3", np.tile(TONE, 10))
    said = probe("audio", str(path))
    for factor, codes in ((1.0, []), (0.9, ["E100"]), (1.03, ["E100"]), (2.0, ["E081"])):
        wrong = msgspec.structs.replace(said, frames=round(factor * said.frames))
        assert [finding.code for finding in decode_audio(str(path), wrong).findings] == codes


def test_what_libsndfile_refuses_while_ms_swift_asks_no_other_is_misread(tmp_path: Path):
    """The header's own reader takes it, and FFmpeg decodes it."""
    path = write(tmp_path / "a.flac", TONE)
    said = probe("audio", str(path))
    content = bytearray(path.read_bytes())
    assert content[42] & 0x7F == 4  # comments, which begin with the length of a name
    content[49] = 0x80
    path.write_bytes(content)
    assert "E240" in [finding.code for finding in decode_audio(str(path), said).findings]


def test_samples_far_beyond_full_scale_are_no_sound(tmp_path: Path):
    loud = TONE.copy()
    loud[7] = 1e30
    assert decode(write(tmp_path / "a.wav", loud, subtype="FLOAT"))[0] == ["E088"]
    assert decode(write(tmp_path / "b.wav", TONE * 4, subtype="FLOAT"))[0] == ["E090"]


def test_tags_in_another_encoding_are_what_pyav_raises_on(tmp_path: Path):
    path = m4a(tmp_path / "a.m4a", TONE)
    content = path.read_bytes()
    assert content.count(b"SoundHandler") == 1
    path.write_bytes(content.replace(b"SoundHandler", "Tonspur für".encode("latin-1") + b" "))
    with pytest.raises(RowError) as caught:
        decode(path)
    assert caught.value.finding.code == "E240"


def test_samples_behind_damage_are_not_counted(tmp_path: Path):
    """ms-swift asks libsndfile once, and that ends where it loses the frames."""
    path = write(tmp_path / "a.mp3", np.tile(TONE, 4))
    said, content = probe("audio", str(path)), path.read_bytes()
    path.write_bytes(content[:1_500] + content[1_504:])
    with soundfile.SoundFile(path) as sound:
        once = len(sound.read())
        assert len(sound.read(RATE)) > 0
    assert decode_audio(str(path), said).heard == (once, RATE)
