"""The sound of videos."""

import wave
from pathlib import Path

import pytest
from media_files import video, write_jsonl

from omnitune import converters
from omnitune.media.soundtrack import Soundtracks
from omnitune.records import Message
from omnitune.validation.codes import RowError


def test_the_sound_is_mono_at_16_khz_and_named_by_content(tmp_path: Path):
    clip = video(tmp_path / "a.mp4", sound=True)
    original = clip.read_bytes()
    (tmp_path / "b.mp4").write_bytes(original)
    tracks = Soundtracks(tmp_path / "media")
    path = tracks.extract(str(clip))
    assert tracks.extract(str(tmp_path / "b.mp4")) == path
    with wave.open(path) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16000)
        assert 4096 <= sound.getnframes() <= 4096 + 2048
    assert clip.read_bytes() == original
    assert [file.name for file in (tmp_path / "media").iterdir()] == [Path(path).name]
    again = Soundtracks(tmp_path / "other").extract(str(clip))
    assert Path(again).read_bytes() == Path(path).read_bytes()


def test_what_is_there_is_not_decoded_again(tmp_path: Path):
    clip = video(tmp_path / "a.mp4", sound=True)
    path = Soundtracks(tmp_path / "media").extract(str(clip))
    Path(path).write_bytes(b"as it was")
    assert Soundtracks(tmp_path / "media").extract(str(clip)) == path
    assert Path(path).read_bytes() == b"as it was"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda path: video(path), "E140"),
        (lambda path: path.write_bytes(b"\x00" * 99), "E135"),
        (lambda path: path.write_text("<html>"), "E079"),
        (lambda path: path.write_text("ffconcat version 1.0\nfile a.mp4\n"), "E073"),
        (lambda path: None, "E063"),
    ],
)
def test_a_video_without_sound_is_refused_and_leaves_nothing(tmp_path: Path, spoil, code: str):
    spoil(tmp_path / "a.mp4")
    with pytest.raises(RowError) as caught:
        Soundtracks(tmp_path / "media").extract(str(tmp_path / "a.mp4"))
    assert caught.value.finding.code == code
    assert not list(tmp_path.glob("media/*")) + list(tmp_path.glob("media/.*"))


def test_every_video_is_followed_by_its_sound(tmp_path: Path):
    one, two = video(tmp_path / "1.mp4", sound=True), video(tmp_path / "2.mp4", frames=9, sound=True)
    (tmp_path / "a.wav").write_bytes(b"media")
    (tmp_path / "b.wav").write_bytes(b"media")
    messages = [
        {"role": "user", "content": "<audio> and <video>"},
        {"role": "assistant", "content": "?"},
        {"role": "user", "content": "<video><audio>"},
    ]
    row = {"messages": messages, "audios": ["a.wav", "b.wav"], "videos": ["2.mp4", "1.mp4"]}
    path = write_jsonl(tmp_path / "rows.jsonl", [row, {**row, "audios": ["a.wav"]}])
    tracks = Soundtracks(tmp_path / "media")
    source = converters.open_source("s", path, "t", {}, [tmp_path], tmp_path / "media", soundtracks=tracks)
    record, uneven = converters.convert_rows(source, "messages")
    assert record.messages[::2] == [
        Message("user", "<audio> and <video><audio>"),
        Message("user", "<video><audio><audio>"),
    ]
    assert record.audios == [
        str(tmp_path / "a.wav"),
        tracks.extract(str(two)),
        tracks.extract(str(one)),
        str(tmp_path / "b.wav"),
    ]
    assert record.repairs == ["E210"]
    # A row whose markers do not fit is left for the checks to reject.
    assert (uneven.audios, uneven.repairs) == ([str(tmp_path / "a.wav")], [])
