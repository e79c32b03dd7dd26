"""Equal inputs, equal key; what differs is told by name."""

from pathlib import Path

import pytest

from omnitune import runkey
from omnitune.runkey import RunKey

ARGUMENTS = {"learning_rate": 0.0001, "dataset": ["a"], "ENV": {"FPS_MAX_FRAMES": "12"}}


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("m.json").write_text("{}")
    return Path("m.json")


def key(manifest: Path, arguments=ARGUMENTS, **changes) -> RunKey:
    return runkey.of(arguments, [manifest], **{"version": 1, "packages": {"torch": "2"}, "processes": 1} | changes)


def test_the_order_of_the_parts_and_the_time_of_the_files_do_not_count(manifest: Path):
    before = key(manifest).hash
    manifest.write_text("{}")
    assert key(manifest, dict(reversed(ARGUMENTS.items()))).hash == before


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"version": 2}, "stage version: 1 -> 2"),
        ({"packages": {"torch": "3"}}, "package torch: 2 -> 3"),
        ({"packages": {}}, "package torch: 2 -> absent"),
        ({"processes": 2}, "processes: 1 -> 2"),
        ({"arguments": ARGUMENTS | {"learning_rate": 0.0002}}, "argument learning_rate: 0.0001 -> 0.0002"),
        ({"arguments": ARGUMENTS | {"packing": "true"}}, "argument packing: absent -> true"),
        ({"arguments": ARGUMENTS | {"ENV": {"FPS_MAX_FRAMES": "8"}}}, "environment FPS_MAX_FRAMES: 12 -> 8"),
    ],
)
def test_every_part_counts_and_is_told_by_name(manifest: Path, change, line):
    assert key(manifest).difference(key(manifest, **change)) == [line]
    assert key(manifest).hash != key(manifest, **change).hash


def test_an_input_counts_by_content(manifest: Path):
    before = key(manifest)
    manifest.write_text('{"a": 1}')
    (line,) = before.difference(key(manifest))
    assert line.startswith("input m.json: 44136fa355b3678a")
    assert before.hash != key(manifest).hash


def test_a_long_value_is_told_short():
    (line,) = RunKey({"a": "x" * 100}).difference(RunKey({"a": ["y"]}))
    assert line == f'a: {"x" * 57}... -> ["y"]'


def test_a_key_is_read_back(manifest: Path, tmp_path: Path):
    key(manifest).write(tmp_path / "work")
    found = runkey.read(tmp_path / "work")
    assert found is not None
    assert found.hash == key(manifest).hash
    assert found.difference(key(manifest)) == []


@pytest.mark.parametrize("text", [None, "{", "[1]", "null", "\udcff"])
def test_an_absent_or_damaged_key_is_no_key(tmp_path: Path, text):
    if text is not None:
        (tmp_path / runkey.FILE).write_text(text, errors="surrogateescape")
    assert runkey.read(tmp_path) is None
