"""Media that are gone are named before the work begins."""

from pathlib import Path

import pytest
from media_files import chat, write_jsonl

from omnitune.errors import ExitCode, PipelineError
from omnitune.media.present import refuse_missing


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
