"""What is found in frames."""

from pathlib import Path

import av
import msgspec
import numpy as np
import pytest
from media_files import video

from omnitune.media.decode_video import decode_video
from omnitune.media.inspection import Inspection
from omnitune.media.probe import probe
from omnitune.validation.codes import RowError


def clip(
    path: Path, frames: int = 40, size=(64, 48), codec: str = "libx264", sound: float = 0.0, **options
) -> Path:
    """Moving bars at 10 frames a second, with `sound` seconds of tone."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        track = container.add_stream("aac", rate=16_000, layout="mono") if sound else None
        for number in range(frames):
            row = ((np.arange(size[0]) * 5 + 9 * number) % 256).astype(np.uint8)
            pixels = np.repeat(np.tile(row, (size[1], 1))[..., None], 3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
        for start in range(0, round(sound * 16_000), 1024) if track else ():
            tone = 0.3 * np.sin(np.arange(start, start + 1024) * 0.1)[None].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
            frame.sample_rate, frame.pts = 16_000, start
            container.mux(track.encode(frame))
        if track:
            container.mux(track.encode())
    return path


def remux(source: Path, target: Path) -> Path:
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        tracks = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = tracks[packet.stream.index]
                new.mux(packet)
    return target


def decode(path: Path, **changes) -> tuple[list[str], str]:
    said = msgspec.structs.replace(probe("video", str(path)), **changes)
    found = decode_video(str(path), said)
    findings, content = found.findings, found.content
    return [finding.code for finding in findings], content


@pytest.mark.parametrize(("name", "codec"), [("v.mp4", "libx264"), ("v.webm", "libvpx"), ("v.avi", "mpeg4")])
def test_good_videos_have_no_findings(tmp_path: Path, name, codec):
    assert decode(clip(tmp_path / name, codec=codec))[0] == []


def test_a_copy_in_another_container_has_the_same_digest(tmp_path: Path):
    first = clip(tmp_path / "v.mp4", sound=4)
    assert decode(first) == decode(remux(first, tmp_path / "v.mkv"))
    assert decode(first)[0] == []


def test_other_pictures_or_another_sound_differ(tmp_path: Path):
    # 66 pixels: the rows of a frame are padded.
    files = [
        clip(tmp_path / "a.mp4"),
        clip(tmp_path / "b.mp4", frames=39),
        clip(tmp_path / "c.mp4", size=(66, 48)),
    ]
    files += [clip(tmp_path / "d.mp4", sound=4), video(tmp_path / "e.mp4", 40)]
    assert len({decode(path)[1] for path in files}) == len(files)
    # A copy, not the same coded again: x264 does not always choose alike.
    assert decode(files[2]) == decode(remux(files[2], tmp_path / "again.mkv"))


def test_frames_in_ten_bits_are_digested_in_rgb(tmp_path: Path):
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        for number in range(8):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 30 * number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    codes, content = decode(path)
    assert codes == []
    assert len(content) == 32


def test_a_video_that_is_cut_off_has_fewer_frames(tmp_path: Path):
    path = clip(tmp_path / "v.mp4", 100, size=(320, 240), movflags="faststart")
    with av.open(str(path)) as container:
        ends = sorted(packet.pos + packet.size for packet in container.demux(video=0) if packet.size)
    content = path.read_bytes()
    path.write_bytes(content[: ends[60]])
    (finding,) = decode_video(str(path), probe("video", str(path))).findings
    assert finding.code == "E136"
    assert "of 100 frames" in finding.what
    path.write_bytes(content[: ends[97]])
    assert decode(path)[0] == []


def test_a_video_without_one_frame_is_unreadable(tmp_path: Path):
    path = clip(tmp_path / "v.mp4", 30, size=(320, 240))
    said = probe("video", str(path))
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    content[start : content.index(b"moov") - 4] = bytes(content.index(b"moov") - 4 - start)
    path.write_bytes(content)
    found = decode_video(str(path), said)
    findings, content = found.findings, found.content
    assert ([finding.code for finding in findings], content) == (["E135"], "")


def test_a_header_that_says_less_than_there_is(tmp_path: Path):
    assert decode(clip(tmp_path / "v.mp4", 100), duration=1.0)[0] == ["E137"]


def test_the_size_of_frames_must_not_change(tmp_path: Path):
    parts = [clip(tmp_path / f"{number}.ts", 10, size) for number, size in enumerate([(64, 48), (96, 64)])]
    mixed = tmp_path / "v.ts"
    mixed.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(RowError, match="changes from 64 x 48 to 96 x 64 pixels at frame 11") as caught:
        decode(mixed)
    assert caught.value.finding.code == "E139"


def test_a_start_without_a_key_frame_is_unusual(tmp_path: Path):
    whole, path = clip(tmp_path / "v.avi", 40, codec="mpeg4"), tmp_path / "cut.avi"
    with av.open(str(whole)) as old, av.open(str(path), "w") as new:
        track = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(old.demux(video=0)):
            if packet.dts is not None and number >= 3:
                packet.stream = track
                new.mux(packet)
    assert "E138" in decode(path)[0]


def test_sound_much_shorter_than_the_pictures(tmp_path: Path):
    assert decode(clip(tmp_path / "a.mp4", 60, sound=2))[0] == ["E141"]
    assert decode(clip(tmp_path / "b.mp4", 60, sound=5.5))[0] == []


def joined(tmp_path: Path) -> Path:
    path = clip(tmp_path / "joined.mkv", sound=4.0)
    path.write_bytes(2 * path.read_bytes())
    return path


def damaged(tmp_path: Path) -> Path:
    """One picture of forty is nonsense."""
    path = clip(tmp_path / "damaged.mp4", codec="mpeg4")
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        place = [packet.pos for packet in container.demux(video=0) if packet.size][20]
    content[place : place + 12] = b"\xff" * 12
    path.write_bytes(content)
    return path


def otherwise(tmp_path: Path) -> Path:
    """The header tells of pictures of another size."""
    path = clip(tmp_path / "otherwise.webm", size=(96, 64), codec="libvpx")
    content = path.read_bytes()
    assert content.count(b"\xb0\x81\x60") == 1  # PixelWidth
    path.write_bytes(content.replace(b"\xb0\x81\x60", b"\xb0\x81\x50"))
    return path


def headless(tmp_path: Path) -> Path:
    """Its first packet, with the only key frame, is gone."""
    whole, path = clip(tmp_path / "whole.avi", codec="mpeg4"), tmp_path / "headless.avi"
    with av.open(str(whole)) as old, av.open(str(path), "w") as new:
        track = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(old.demux(video=0)):
            if packet.dts is not None and number:
                packet.stream = track
                new.mux(packet)
    return path


@pytest.mark.parametrize(
    ("make", "code"), [(joined, "E136"), (damaged, "E136"), (otherwise, "E242"), (headless, "E242")]
)
def test_what_decord_fails_on_or_sees_otherwise_is_not_good(make, code: str, tmp_path: Path):
    assert code in decode(make(tmp_path))[0]


def test_frames_are_counted_as_they_are_coded(tmp_path: Path):
    path = clip(tmp_path / "v.mkv")
    said = msgspec.structs.replace(probe("video", str(path)), frames=7, counted=False)
    found = Inspection(said).decoded(decode_video(str(path), said)).probe
    assert found
    assert (found.frames, found.counted) == (40, True)
