"""Media inside a row."""

import base64
import hashlib
from pathlib import Path

import pytest

from omnitune.media.embedded import EmbeddedMedia
from omnitune.validation.codes import RowError

PAYLOAD = base64.b64encode(b"sound").decode()
DIGEST = hashlib.sha256(b"sound").hexdigest()


@pytest.mark.parametrize(
    ("given", "extension"),
    [("wav", "wav"), ("WAV", "wav"), ("x-wav", "wav"), ("jpeg", "jpg"), ("mpeg", "mp3"), ("png", "png")],
)
def test_the_file_is_named_by_its_content(tmp_path: Path, given, extension):
    path = EmbeddedMedia(tmp_path / "media").save(PAYLOAD, given)
    assert path == str(tmp_path / "media" / f"{DIGEST}.{extension}")
    assert Path(path).read_bytes() == b"sound"


def test_equal_content_is_written_once_and_a_cut_file_again(tmp_path: Path):
    media = EmbeddedMedia(tmp_path)
    path = Path(media.save(PAYLOAD, "wav"))
    first = path.stat().st_ino
    media.save(PAYLOAD, "wav")
    assert path.stat().st_ino == first
    path.write_bytes(b"so")
    media.save(PAYLOAD, "wav")
    assert path.read_bytes() == b"sound"
    assert list(tmp_path.iterdir()) == [path]


def test_a_data_url_names_its_own_format(tmp_path: Path):
    media = EmbeddedMedia(tmp_path)
    assert media.save_url(f"data:image/png;charset=x;base64,{PAYLOAD}").endswith(f"{DIGEST}.png")


@pytest.mark.parametrize(
    ("payload", "extension", "message"),
    [
        ("@@@", "wav", "embedded media is not base64"),
        ("é", "wav", "embedded media is not base64"),
        ("", "wav", "embedded media is empty"),
        (PAYLOAD, "../x", 'embedded media of unknown format "../x"'),
        (PAYLOAD, "", 'embedded media of unknown format ""'),
        (PAYLOAD, "svg+xml", 'embedded media of unknown format "svg+xml"'),
    ],
)
def test_malformed_media_are_refused_and_nothing_is_written(tmp_path: Path, payload, extension, message):
    with pytest.raises(RowError) as caught:
        EmbeddedMedia(tmp_path).save(payload, extension)
    assert caught.value.finding.code == "E205"
    assert str(caught.value).startswith(message)
    assert list(tmp_path.iterdir()) == []
