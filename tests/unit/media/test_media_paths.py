"""Where media may lie."""

import os
import socket
from pathlib import Path

import pytest

from omnitune.media.paths import MediaPaths
from omnitune.validation.codes import RowError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """source/ holds the rows, data/ and more/ are roots, and secret lies outside."""
    for name in ("source/near.wav", "data/a.wav", "data/sub/b.wav", "more/a.wav", "more/c.wav", "secret"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"media")
    return tmp_path


def media_paths(tree: Path, *roots: str) -> MediaPaths:
    return MediaPaths(tree / "source", [tree / root for root in roots or ("data", "more")])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.wav", "data/a.wav"),
        ("c.wav", "more/c.wav"),
        ("sub/b.wav", "data/sub/b.wav"),
        ("../data/a.wav", "data/a.wav"),
        ("sub/../a.wav", "data/a.wav"),
        ("./a.wav", "data/a.wav"),
    ],
)
def test_a_relative_path_is_looked_for_beside_the_source_then_in_the_roots(tree: Path, path, expected):
    assert media_paths(tree).resolve(path) == str(tree / expected)


def test_the_sources_folder_comes_first_when_it_is_in_a_root(tree: Path):
    (tree / "source/a.wav").write_bytes(b"media")
    assert media_paths(tree, "data", "source").resolve("a.wav") == str(tree / "source/a.wav")


def test_an_absolute_path_inside_a_root_is_taken(tree: Path):
    assert media_paths(tree).resolve(f"{tree}/data/a.wav") == str(tree / "data/a.wav")


def test_relative_roots_are_those_of_the_working_folder(tree: Path, monkeypatch):
    monkeypatch.chdir(tree)
    assert MediaPaths(Path("source"), [Path("data")]).resolve("a.wav") == str(tree / "data/a.wav")


@pytest.mark.parametrize(
    "name", ["with space", "it's", '"q"', "$(x)", "-rf", "héß漢", "<audio>", "httpfoo.jpg", "a:b", "x" * 200]
)
def test_any_printable_name_will_do(tree: Path, name):
    (tree / "data" / name).write_bytes(b"media")
    assert media_paths(tree).resolve(name) == str(tree / "data" / name)


@pytest.mark.parametrize("start", ["file://", "FILE://", "file://localhost"])
def test_a_file_url_is_read_as_its_path_inside_the_roots(tree: Path, start: str):
    (tree / "data/a b.wav").write_bytes(b"media")
    notes: dict[str, str] = {}
    assert media_paths(tree).resolve(f"{start}{tree}/data/a%20b.wav", notes) == str(tree / "data/a b.wav")
    assert list(notes) == ["E215"]


@pytest.mark.parametrize("url", ["http://x/a.wav", "HTTPS://x/a.wav"])
def test_a_url_of_the_web_is_left_to_the_validate_stage(tree: Path, url: str):
    assert media_paths(tree).resolve(url) == url


def test_links_inside_the_roots_are_followed(tree: Path):
    (tree / "data/link.wav").symlink_to("sub/b.wav")
    (tree / "data/folder").symlink_to(tree / "more")
    paths = media_paths(tree)
    assert paths.resolve("link.wav") == str(tree / "data/sub/b.wav")
    assert paths.resolve("folder/c.wav") == str(tree / "more/c.wav")


def test_a_root_may_be_a_link_itself(tree: Path):
    (tree / "root").symlink_to(tree / "data")
    assert media_paths(tree, "root").resolve("a.wav") == str(tree / "data/a.wav")


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("", "E051", "an empty path"),
        ("no.wav", "E061", "no such file: no.wav (looked in the source's folder and "),
        ("a.wav/x", "E061", "no such file: a.wav/x"),
        ("x" * 300, "E061", "no such file: xxx"),
        ("near.wav", "E069", "near.wav lies outside the media roots ("),
        ("../secret", "E069", "../secret lies outside the media roots ("),
        ("/etc/passwd", "E069", "/etc/passwd lies outside the media roots ("),
        ("/nowhere/x", "E061", "no such file: /nowhere/x (looked in its own folder)"),
        ("sub", "E063", "sub is a folder, not a regular file"),
        ("sub/..", "E069", "sub/.. lies outside"),
        ("file:///etc/passwd", "E072", 'file:///etc/passwd has the scheme "file", which is refused'),
        ("s3://b/a.wav", "E072", 's3://b/a.wav has the scheme "s3"'),
        ("concat:a.wav|b.wav", "E072", 'concat:a.wav|b.wav has the scheme "concat"'),
        ("subfile,,start,0,:a.wav", "E072", 'subfile,,start,0,:a.wav has the scheme "subfile"'),
        ("a\0.wav", "E076", 'control character in the path "a\\u0000.wav"'),
        ("a\n.wav", "E076", 'control character in the path "a\\n.wav"'),
    ],
)
def test_a_refused_path_says_why(tree: Path, path, code, message):
    with pytest.raises(RowError) as caught:
        media_paths(tree).resolve(path)
    assert caught.value.finding.code == code
    assert str(caught.value).startswith(message)


def test_what_is_no_regular_file_is_refused_unopened(tree: Path, monkeypatch):
    os.mkfifo(tree / "data/fifo")
    (tree / "data/empty").touch()
    monkeypatch.chdir(tree / "data")  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for name, code in (("fifo", "E065"), ("socket", "E066"), ("empty", "E062")):
            with pytest.raises(RowError) as caught:
                media_paths(tree).resolve(name)
            assert caught.value.finding.code == code


def test_a_device_is_refused():
    with pytest.raises(RowError, match=r"/dev/null is a device, not a regular file") as caught:
        MediaPaths(Path("/"), [Path("/dev")]).resolve("/dev/null")
    assert caught.value.finding.code == "E064"


def test_what_the_kernel_makes_up_is_not_called_empty():
    with pytest.raises(RowError, match=r"/proc/self/environ is made up by the kernel") as caught:
        MediaPaths(Path("/"), [Path("/")]).resolve("/proc/self/environ")
    assert caught.value.finding.code == "E064"


@pytest.mark.parametrize(
    ("target", "code"), [("../secret", "E068"), ("/etc/passwd", "E068"), ("link", "E067"), ("gone", "E061")]
)
def test_links_that_lead_astray_are_refused(tree: Path, target, code):
    (tree / "data/link").symlink_to(target)
    with pytest.raises(RowError) as caught:
        media_paths(tree).resolve("link")
    assert caught.value.finding.code == code


def test_a_folder_that_leaves_the_root_is_refused(tree: Path):
    (tree / "data/out").symlink_to(tree)
    with pytest.raises(RowError, match="out/secret is a link that leaves the media roots"):
        media_paths(tree).resolve("out/secret")


def test_a_root_is_not_a_prefix(tree: Path):
    (tree / "data2").mkdir()
    (tree / "data2/x.wav").write_bytes(b"media")
    with pytest.raises(RowError, match="lies outside"):
        media_paths(tree).resolve(f"{tree}/data2/x.wav")
