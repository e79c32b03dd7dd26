"""Folders of media."""

import os
from pathlib import Path

import pytest

from omnitune.errors import PipelineError
from omnitune.readers import READERS, WHOLE, Part, folder
from omnitune.validation.codes import RowError


def make(root: Path, *names: str | bytes, content: bytes = b"x") -> Path:
    for name in names:
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def rows(root: Path, part: Part = WHOLE):
    read = READERS["folder"].read(root, part)
    return [(number, row.finding.code if isinstance(row, RowError) else row) for number, row in read]


def test_files_of_one_stem_and_folder_are_a_row(tmp_path: Path):
    make(tmp_path, "b/x.wav", "b/x.mp4", "a.b.WAV", "a.b.flac", "b/y.png", ".hidden.wav", ".git/z.wav", "b/y.json")
    make(tmp_path, "a.b.txt", "x.txt", content=b"\xef\xbb\xbf said \n")
    assert rows(tmp_path) == [
        (1, {"id": "a.b", "audio": ["a.b.WAV", "a.b.flac"], "text": "said"}),
        (2, {"id": "b/x", "video": ["b/x.mp4"], "audio": ["b/x.wav"]}),  # x.txt lies above it
        (3, {"id": "b/y", "image": ["b/y.png"]}),
    ]
    assert folder.unused(tmp_path) == "1 .txt without a medium, 1 .json"
    assert [number for number, _ in rows(tmp_path, Part(max_rows=2))] == [1, 2]


def test_two_texts_of_a_medium_are_one_bad_row(tmp_path: Path):
    make(tmp_path, "x.wav", "x.txt", "x.TXT")
    assert rows(tmp_path) == [(1, "E204")]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda text: text.write_bytes(b"\xff"), "E007"),
        (lambda text: text.symlink_to("/etc/passwd"), "E068"),
        (lambda text: text.symlink_to("nowhere"), "E063"),
        (lambda text: text.symlink_to(text), "E063"),
        (os.mkfifo, "E063"),
    ],
    ids=["not UTF-8", "link out of the folder", "dead link", "loop", "FIFO"],
)
def test_a_text_that_may_not_be_read_is_one_bad_row(tmp_path: Path, spoil, code: str):
    make(tmp_path, "a.wav", "b.wav")
    spoil(tmp_path / "a.txt")
    assert rows(tmp_path) == [(1, code), (2, {"id": "b", "audio": ["b.wav"]})]


def test_a_name_that_is_not_utf8_is_one_bad_row(tmp_path: Path):
    assert rows(make(tmp_path, b"\xff.wav", "b.wav")) == [(1, {"id": "b", "audio": ["b.wav"]}), (2, "E076")]


def test_links_to_folders_are_not_followed(tmp_path: Path):
    make(tmp_path / "in", "a.wav")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    assert [row["id"] for _, row in rows(tmp_path / "in")] == ["a"]


@pytest.mark.parametrize("names", [(), ("a.txt", "b.json")])
def test_a_folder_without_media_is_refused(tmp_path: Path, names):
    with pytest.raises(PipelineError, match="holds no picture, sound or video"):
        rows(make(tmp_path, *names))


def test_the_state_follows_names_sizes_and_times(tmp_path: Path):
    make(tmp_path, "a.wav", "b/c.txt")
    seen = [folder.state(tmp_path)]
    assert folder.state(tmp_path) == seen[0]
    (tmp_path / "b/c.txt").write_bytes(b"xx")
    seen.append(folder.state(tmp_path))
    os.utime(tmp_path / "b/c.txt", ns=(1, 1))
    seen.append(folder.state(tmp_path))
    (tmp_path / "a.wav").rename(tmp_path / "d.wav")
    seen.append(folder.state(tmp_path))
    make(tmp_path, ".hidden")
    assert folder.state(tmp_path) == seen[-1]
    assert len(set(seen)) == 4
