"""Media that are gone are named before the work begins."""

import os
from pathlib import Path

import pytest
from media_files import chat, write_jsonl
from split_workplace import RULES, Workplace, many

from omnitune.errors import ExitCode, PipelineError
from omnitune.media.present import refuse_missing
from omnitune.records import Facts, Medium


def test_rows_whose_media_are_there_pass(tmp_path: Path):
    paths = {"images": tmp_path / "a.png", "audios": tmp_path / "b.wav", "videos": tmp_path / "c.mp4"}
    for path in paths.values():
        path.write_bytes(b"media")
    media = {key: [str(path)] for key, path in paths.items()}
    rows = [chat(id="s/1", **media), chat(id="s/2", columns="{}"), chat(id="s/3", **media)]
    refuse_missing([write_jsonl(tmp_path / "train.jsonl", rows), write_jsonl(tmp_path / "val.jsonl", [])])


@pytest.mark.parametrize("key", ["images", "audios", "videos"])
def test_the_first_that_is_gone_is_named_with_its_row(tmp_path: Path, key: str):
    (tmp_path / "there").write_bytes(b"media")
    rows = [chat(id="s/1", **{key: [str(tmp_path / "there")]}), chat(id="s/2", **{key: [str(tmp_path / "gone")]})]
    path = write_jsonl(tmp_path / "train.jsonl", rows)
    with pytest.raises(PipelineError) as stop:
        refuse_missing([path])
    assert (stop.value.what, stop.value.where) == (f"its file {tmp_path}/gone is gone", f"{path} (id s/2)")
    assert "snakemake --forcerun convert_source validate_source" in stop.value.fix
    assert stop.value.code == ExitCode.DATA


@pytest.fixture
def work(tmp_path: Path) -> Workplace:
    """A split of rows on files that were looked into."""
    work = Workplace(tmp_path)
    rows = many("a")
    for row in rows:
        path = tmp_path / f"{row.line}.wav"
        path.write_bytes(b"media")
        state = path.stat()
        row.audios = [str(path)]
        row.facts = Facts(media=[Medium("audio", size=state.st_size, mtime_ns=state.st_mtime_ns)])
    work.add("a", ["sft", "grpo", "eval"], rows)
    work.split(RULES, tmp_path)
    return work


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4])


def write_again(path: Path) -> None:
    state = path.stat()
    path.write_bytes(b"other")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))


@pytest.mark.parametrize("change", [cut, write_again, Path.unlink])
@pytest.mark.parametrize("name", ["train", "val", "test", "grpo"])
def test_a_medium_that_was_changed_is_named_where_it_is_used(work: Workplace, name: str, change):
    row = work.rows(name)[-1]
    change(Path(row["audios"][0]))
    for other in ("train", "val", "test", "grpo"):
        file = work.output / f"{other}.jsonl"
        if row["line"] not in work.lines(other):
            refuse_missing([file])
            continue
        with pytest.raises(PipelineError) as stop:
            refuse_missing([file])
        assert stop.value.where == f"{file} (id {row['id']})"
        assert stop.value.code == ExitCode.DATA
        if change is not Path.unlink:
            assert stop.value.what == f"its file {row['audios'][0]} was changed since it was validated"
            assert stop.value.fix.endswith("validate it again: snakemake --forcerun validate_source")


def test_a_touched_medium_changes_nothing_in_the_manifest(work: Workplace):
    refuse_missing(work.output / f"{name}.jsonl" for name in ("train", "val", "test", "grpo"))
    manifest = (work.output / "manifest.json").read_bytes()
    assert b"media.jsonl" not in manifest
