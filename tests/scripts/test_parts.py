"""A source that changes between the jobs of its parts: no row is lost without a word."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from data_commands import command
from media_files import chat, read_jsonl, write_jsonl

from omnitune import converters
from omnitune.errors import ExitCode
from omnitune.readers import Part
from omnitune.validation.validate import Gate, validate_file


def rows(first: int, last: int) -> list[dict]:
    return [chat(f"Question {number}?", f"Answer {number}.", id=f"r{number}") for number in range(first, last)]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "d.jsonl", rows(0, 100))
    return tmp_path


def convert(work: Path, shard: int, shards: int = 2) -> None:
    source = converters.open_source("s", work / "d.jsonl", "t", {}, [work], work / "m")
    converted, valid = work / f"c{shard}.jsonl", work / f"v{shard}.jsonl"
    converters.convert_source(source, "messages", converted, Part(shard, shards))
    with Gate("d.jsonl", ["sft"]) as gate:
        validate_file(gate, converted, valid, work / f"l{shard}.jsonl")


def split(work: Path, shards: int = 2):
    valid, ledger = ([f"{kind}{shard}.jsonl" for shard in range(shards)] for kind in "vl")
    source = {"name": "s", "use": ["sft"], "path": "d.jsonl", "valid": valid, "ledger": ledger}
    argv = ["--sources", json.dumps([source]), "--root", ".", "--need-test", "false", "--test", "0"]
    return command("split", *argv, "--output", "split", cwd=work)


def grow(path: Path) -> None:
    write_jsonl(path.with_name("more"), rows(100, 200))
    path.write_bytes(path.read_bytes() + path.with_name("more").read_bytes())


def shrink(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:50]))


def replace(path: Path) -> None:
    """As many bytes and lines, but other ones."""
    path.write_bytes(path.read_bytes().replace(b"Answer", b"Reply:"))


def test_parts_of_one_file_are_put_together(work: Path):
    for shard in (1, 0):
        convert(work, shard)
        (work / "d.jsonl").touch()
    done = split(work)
    assert done.returncode == 0, done.stderr
    assert [row["line"] for row in read_jsonl(work / "split/ledger.jsonl")] == list(range(1, 101))


@pytest.mark.parametrize(("change", "first"), [(grow, 0), (grow, 1), (shrink, 0), (replace, 1)])
def test_parts_of_a_file_that_changed_between_them_are_refused(
    work: Path, change: Callable[[Path], None], first: int
):
    convert(work, first)
    change(work / "d.jsonl")
    convert(work, 1 - first)
    done = split(work)
    assert done.returncode == ExitCode.DATA
    assert done.stderr == (
        "error: sources.s (d.jsonl): its 2 parts were not read from one and the same file, so rows may be lost "
        "between them. Was it changed meanwhile? When it is whole, read it again: "
        "snakemake --forcerun convert_source\n"
    )
    assert not (work / "split").exists()
    # What the sentence says to do helps.
    for shard in range(2):
        convert(work, shard)
    assert split(work).returncode == 0


def test_a_part_that_is_there_twice_or_not_at_all_is_refused(work: Path):
    for shard in range(2):
        convert(work, shard, 3)
    assert split(work).returncode == ExitCode.DATA
    convert(work, 2, 3)
    assert split(work, 3).returncode == 0
    for name in ("v1.jsonl", "v1.part.json", "l1.jsonl"):
        (work / name).write_bytes((work / name.replace("1", "0")).read_bytes())
    assert split(work, 3).returncode == ExitCode.DATA
    (work / "v1.part.json").unlink()
    assert split(work, 3).returncode == ExitCode.DATA
