"""Elements that follow each other, and files in which they do not."""

import random
from pathlib import Path

import pytest
from media_files import video

from omnitune.media.structure import break_in

FORMATS = {"mkv": "matroska,webm", "webm": "matroska,webm", "flv": "flv", "avi": "avi", "wmv": "asf"}
CODECS = {"webm": "libvpx", "flv": "flv", "wmv": "wmv2"}


@pytest.fixture(params=FORMATS)
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name = request.param
    return video(tmp_path / f"a.{name}", 24, codec=CODECS.get(name, "mpeg4"), sound=name not in ("flv", "wmv"))


def found(path: Path) -> int:
    return break_in(str(path), FORMATS[path.suffix[1:]])


def test_a_whole_file_has_no_break(clip: Path):
    assert found(clip) == -1


@pytest.mark.parametrize("live", [True, False])
def test_clusters_may_be_open(live: bool, tmp_path: Path):
    assert found(video(tmp_path / "a.mkv", 24, live=live)) == -1


def test_a_file_behind_a_file_is_a_break(tmp_path: Path):
    path = video(tmp_path / "a.mkv", 24)
    size = path.stat().st_size
    path.write_bytes(2 * path.read_bytes())
    assert found(path) == size


def test_bytes_put_in_or_taken_out_are_a_break_and_no_crash(clip: Path):
    content, seen, chance = clip.read_bytes(), 0, random.Random(7)
    for _ in range(200):
        at = chance.randrange(60, len(content) - 60)
        more = chance.randbytes(chance.randint(1, 30)) if chance.random() < 0.5 else b""
        clip.write_bytes(content[:at] + more + content[at + (0 if more else chance.randint(1, 30)) :])
        seen += found(clip) >= 0
    assert seen > 190


def test_what_is_not_known_is_not_judged(tmp_path: Path):
    assert break_in(str(video(tmp_path / "a.mp4")), "mov,mp4,m4a,3gp,3g2,mj2") == -1


def test_a_cue_that_leads_nowhere_is_a_break(tmp_path: Path):
    path = video(tmp_path / "a.mkv", 24)
    content = path.read_bytes()
    cue = content.index(b"\xf1\x82", content.index(b"\x1c\x53\xbb\x6b", 500))
    path.write_bytes(content[: cue + 2] + b"\0\7" + content[cue + 4 :])
    assert found(path) > 0
