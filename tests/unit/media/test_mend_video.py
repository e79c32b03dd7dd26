"""Videos made plain: upright, of one rate, with their sound."""

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from bad_media import without_delays

from omnitune.media.mend_video import mend_video
from omnitune.media.probe import probe
from omnitune.validation.codes import RowError

CORNERS = {"top left": (4, 4), "top right": (4, -5), "bottom left": (-5, 4), "bottom right": (-5, -5)}
STEADY = range(0, 1000, 100)


def clip(
    path: Path,
    milliseconds: Sequence[int] = STEADY,
    size: tuple[int, int] = (64, 48),
    rotation: int = 0,
    sound: str = "",
) -> Path:
    """Frames at these times, black but for a white corner at the top left, which they are stored with."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        track = container.add_stream(sound, rate=16000, layout="mono") if sound else None
        pixels = np.zeros((size[1], size[0], 3), dtype=np.uint8)
        pixels[: size[1] // 2, : size[0] // 2] = 255
        for time in milliseconds:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if track:
            tone = (0.5 * np.sin(2 * np.pi * 500 * np.arange(16000) / 16000)).astype(np.float32)
            samples = av.AudioFrame.from_ndarray(tone[None], "fltp", "mono")
            samples.sample_rate = 16000
            container.mux(track.encode(samples))
            container.mux(track.encode())
    return path


def mended(path: Path, *codes: str, seconds: float = 60) -> Path:
    output = path.parent / "out" / "mended.mp4"
    before = path.read_bytes()
    mend_video(str(path), codes, output, seconds)
    assert path.read_bytes() == before
    once = output.read_bytes()
    mend_video(str(path), codes, output, seconds)
    assert output.read_bytes() == once, "equal input gives equal bytes"
    return output


def frames(path: Path) -> list[tuple[float, np.ndarray]]:
    import av

    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        shown = list(container.decode(video=0))
        assert {frame.rotation for frame in shown} == {0}
        return [(float(frame.time), frame.to_ndarray(format="gray")) for frame in shown]


def bright(picture: np.ndarray) -> list[str]:
    return [name for name, place in CORNERS.items() if picture[place] > 200]


# A rotation is counter-clockwise, as FFmpeg counts it.
@pytest.mark.parametrize(
    ("rotation", "corner"), [(0, "top left"), (90, "bottom left"), (180, "bottom right"), (-90, "top right")]
)
@pytest.mark.parametrize("size", [(64, 80), (66, 50)])
def test_pictures_are_turned_upright(tmp_path: Path, rotation: int, corner: str, size: tuple[int, int]):
    shown = frames(mended(clip(tmp_path / "a.mp4", size=size, rotation=rotation), "E133"))
    assert [time for time, _ in shown] == pytest.approx([time / 1000 for time in STEADY])
    for _, picture in shown:
        assert picture.shape == (size if abs(rotation) == 90 else size[::-1])
        assert bright(picture) == [corner]


@pytest.mark.parametrize(
    ("size", "made"), [((16, 64), (32, 128)), ((24, 40), (32, 54)), ((48, 64), (64, 86)), ((72, 96), (96, 128))]
)
def test_a_width_that_decord_cannot_read_is_made_wider(
    tmp_path: Path, size: tuple[int, int], made: tuple[int, int]
):
    path = mended(clip(tmp_path / "a.mp4", size=size), "E242")
    assert {picture.shape for _, picture in frames(path)} == {made[::-1]}
    assert "E242" not in {finding.code for finding in probe("video", str(path)).findings}


def test_odd_sizes_lose_a_row_and_a_column_at_most(tmp_path: Path):
    import av

    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 65, 49, "yuv444p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((49, 65, 3), 130, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert {picture.shape for _, picture in frames(mended(path, "E133"))} == {(48, 64)}


def test_a_variable_rate_becomes_one(tmp_path: Path):
    uneven = [0, 40, 80, 200, 400, 1000, 1500, 1700, 1900, 2000]
    shown = frames(mended(clip(tmp_path / "a.mp4", uneven), "E129"))
    steps = np.diff([time for time, _ in shown])
    assert steps.max() - steps.min() < 0.001
    assert shown[-1][0] == pytest.approx(2.0, abs=0.2)


def test_times_are_kept_unless_a_steady_rate_is_asked_for(tmp_path: Path):
    uneven = [0, 40, 80, 200, 400, 1000, 1500]
    shown = frames(mended(clip(tmp_path / "a.mp4", uneven, rotation=90), "E133"))
    assert [time for time, _ in shown] == pytest.approx([time / 1000 for time in uneven], abs=0.002)


@pytest.mark.parametrize(
    ("name", "sound", "kept"),
    [
        ("a.mp4", "aac", "aac"),
        ("a.mkv", "libmp3lame", "mp3"),
        ("a.mov", "pcm_s16le", "aac"),
        ("a.avi", "pcm_s16le", "aac"),
        ("a.mp4", "", None),
    ],
)
def test_sound_goes_along(tmp_path: Path, name: str, sound: str, kept: str | None):
    import av

    with av.open(
        str(mended(clip(tmp_path / name, rotation=0 if name in ("a.mkv", "a.avi") else 90, sound=sound), "E129"))
    ) as made:
        assert [stream.codec_context.codec.canonical_name for stream in made.streams.audio] == (
            [kept] if kept else []
        )
        if kept:
            heard = np.concatenate([frame.to_ndarray()[0] for frame in made.decode(audio=0)]).astype(float)
            assert abs(len(heard) - 16000) <= 2048
            spectrum = np.abs(np.fft.rfft(heard[2000:14000] * np.hanning(12000)))
            assert spectrum.argmax() == 500 * 12000 // 16000


def no_pictures(path: Path) -> None:
    import av

    with av.open(str(path), "w") as container:
        track = container.add_stream("aac", rate=16000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4096), dtype=np.float32), "fltp", "mono")
        silence.sample_rate = 16000
        container.mux(track.encode(silence))
        container.mux(track.encode())


def broken_pictures(path: Path) -> None:
    content = bytearray(clip(path).read_bytes())
    start = content.index(b"mdat") + 4
    content[start : content.index(b"moov") - 4] = bytes(content.index(b"moov") - 4 - start)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (no_pictures, "E125"),
        (broken_pictures, "E135"),
        (lambda path: path.write_bytes(b"\0" * 99), "E135"),
        (lambda path: path.write_text("ffconcat version 1.0\nfile a.mp4\n"), "E073"),
    ],
)
def test_what_has_no_pictures_is_refused_and_leaves_nothing(tmp_path: Path, spoil, code: str):
    spoil(tmp_path / "a.mp4")
    with pytest.raises(RowError) as caught:
        mended(tmp_path / "a.mp4", "E129")
    assert caught.value.finding.code == code
    assert not list(tmp_path.glob("out/*")) + list(tmp_path.glob("out/.*"))


def test_more_pictures_than_the_header_told_of_are_refused(tmp_path: Path):
    with pytest.raises(RowError, match="more pictures than the 0 s of its header"):
        mended(clip(tmp_path / "a.mp4"), "E129", seconds=0.4)


@pytest.mark.parametrize(("delay", "rate"), [(0, 10), (100, 10), (40, 25)])
def test_a_gif_becomes_a_clip_at_the_rate_it_is_shown_at(tmp_path: Path, delay: int, rate: int):
    from PIL import Image

    first, *rest = (Image.new("L", (64, 48), 20 * number) for number in range(8))
    path = tmp_path / "a.gif"
    first.save(path, save_all=True, append_images=rest, duration=40)
    # Pillow leaves a delay of zero out, and with it the only place to note one.
    path.write_bytes(
        re.sub(rb"(?s)(?<=\x21\xf9\x04.)\x04\x00", lambda _: bytes((delay // 10, 0)), path.read_bytes())
    )
    assert [finding.code for finding in probe("video", str(path)).findings] == ["E242"]
    shown = frames(mended(path, "E242"))
    assert [time for time, _ in shown] == pytest.approx([number / rate for number in range(8)])


def test_a_gif_without_delays_says_what_to_do(tmp_path: Path):
    (finding,) = (
        one for one in probe("video", str(without_delays(tmp_path / "a.gif"))).findings if one.code == "E128"
    )
    assert finding.sentence().endswith("Save it anew with a delay for each picture.")
