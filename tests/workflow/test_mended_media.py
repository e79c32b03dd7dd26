"""Media that a policy repairs, in the pipeline: trained on, planned once, made again when they are removed."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from media_files import image, wav
from project import Project

ROWS = 24


@pytest.fixture(scope="module")
def mended(values: dict[str, Any], copy_project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The data of a run over see-through pictures and 44.1 kHz sound."""
    project: Project = copy_project(tmp_path_factory.mktemp("mended"))
    rows = []
    for number in range(ROWS):
        image(project.path(f"data/{number}.png"), (28 + number, 28), "RGBA")
        wav(project.path(f"data/{number}.wav"), 0.1 + number / 100, 44100, 2)
        question = {"role": "user", "content": "<image><audio>Which?"}
        turns = [question, {"role": "assistant", "content": str(number)}]
        rows.append({"messages": turns, "images": [f"{number}.png"], "audios": [f"{number}.wav"]})
    project.write_rows("data/rows.jsonl", rows)
    source = {"format": "messages", "path": "data/rows.jsonl", "task": "sums"}
    policy = {"validate": {"policy": {"E086": "repair"}}}
    project.write_config({**values, **policy, "sources": {"sums": source}})
    done = project.snakemake("data")
    assert done.returncode == 0, done.stdout
    return project


@pytest.fixture
def project(mended: Project, tmp_path: Path) -> Iterator[Project]:
    """The same, put back after the test: rows name absolute paths, so a copy elsewhere would not do."""
    kept = tmp_path / "kept"
    shutil.copytree(mended.folder, kept, symlinks=True)
    yield mended
    shutil.rmtree(mended.folder)
    shutil.copytree(kept, mended.folder, symlinks=True)


def media_of(project: Project) -> list[str]:
    rows = [row for name in ("train", "val", "test") for row in project.rows(f"results/small/split/{name}.jsonl")]
    return sorted(path for row in rows for path in (*row["images"], *row["audios"]))


def test_training_rows_use_what_was_made(mended: Project):
    folder = mended.path("results/small/validate/media")
    assert media_of(mended) == sorted(str(path) for path in folder.iterdir())
    assert len(media_of(mended)) == 2 * ROWS
    ledger = mended.rows("results/small/split/ledger.jsonl")
    assert {row["verdict"] for row in ledger} == {"repaired"}
    assert {tuple(row["codes"]) for row in ledger} == {("E111", "E086")}
    assert "facts" not in mended.rows("results/small/split/train.jsonl")[0]
    media = mended.rows("results/small/validate/sums/0.jsonl")[0]["facts"]["media"]
    assert [medium["origin"] for medium in media] == [str(mended.path(f"data/0.{end}")) for end in ("png", "wav")]


def test_a_rerun_plans_nothing(mended: Project):
    assert mended.plan("data") == {}


def test_what_was_removed_is_planned_and_made_again(project: Project):
    before = media_of(project)
    shutil.rmtree(project.path("results/small/validate"))
    assert set(project.plan()) >= {"validate_source", "split_rows", "report_data"}
    assert set(project.plan("data")) == {"validate_source", "split_rows", "report_data", "data"}
    assert project.snakemake("data").returncode == 0
    assert media_of(project) == before
    assert all(Path(path).is_file() for path in before)
    assert project.plan("data") == {}


def test_a_file_that_is_gone_stops_a_training_before_it_starts(project: Project):
    train = project.rows("results/small/split/train.jsonl")
    gone = Path(train[0]["images"][0])
    gone.unlink()
    done = project.snakemake("sft")
    assert done.returncode != 0
    log = project.path("logs/small/main/train_sft.log").read_text()
    assert f"results/small/split/train.jsonl (id {train[0]['id']}): its file {gone} is gone." in log
    assert "snakemake --forcerun convert_source validate_source" in log
    assert project.snakemake("data", "--forcerun", "convert_source", "validate_source").returncode == 0
    assert gone.is_file()
    assert project.snakemake("sft").returncode == 0


def test_a_file_that_was_changed_is_validated_before_it_is_trained_on(project: Project):
    train = project.rows("results/small/split/train.jsonl")
    changed = Path(train[0]["audios"][0])
    seconds = 3 + len(changed.read_bytes()) / 32000
    wav(changed, seconds)
    done = project.snakemake("sft")
    assert done.returncode != 0
    log = project.path("logs/small/main/train_sft.log").read_text()
    assert f"(id {train[0]['id']}): its file {changed} was changed since it was validated." in log
    assert "validate it again: snakemake --forcerun validate_source" in log
    # What the sentence says to do looks at the file again.
    assert project.snakemake("sft", "--forcerun", "validate_source").returncode == 0
    media = project.rows("results/small/validate/sums/0.jsonl")[train[0]["line"] - 1]["facts"]["media"]
    assert media[1]["seconds"] == pytest.approx(seconds, abs=0.01)
    assert media[1]["size"] == changed.stat().st_size
