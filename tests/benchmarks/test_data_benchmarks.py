"""The benchmarks of the data stages, small: their ratios twice as loose as wanted, and their page."""

import subprocess
import sys
from pathlib import Path

import pytest

from omnitune.environments import ROOT

FOLDER = ROOT / "benchmarks" / "data"


@pytest.fixture(autouse=True)
def _beside_the_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_reading_whole_files_costs_little_more_than_a_bare_read(tmp_path: Path):
    import bench_levels

    counts = {"wav": 1000, "flac": 200, "jpg": 200}
    found = bench_levels.ratios(bench_levels.measure(tmp_path, rounds=5, counts=counts))
    # decode: twice what is wanted; hash: around what is reached (docs/benchmarks.md: 2.0 to 2.6, wanted is 1.3).
    loose = {"hash": 4.0, "decode": 2 * bench_levels.WANTED["decode"]}
    for (level, kind), ratio in found.items():
        assert ratio < loose[level], (level, kind)


def test_one_percent_more_costs_little_where_media_are_decoded(tmp_path: Path):
    import bench_incremental

    found = bench_incremental.measure(tmp_path, counts={"wav": 1000, "jpg": 100}, levels=["decode"])
    for key, ratio in bench_incremental.ratios(found).items():
        assert ratio < 2 * bench_incremental.WANTED, key


def test_a_header_costs_a_fraction_of_loading(tmp_path: Path):
    import bench_loading

    found = bench_loading.measure(tmp_path, rounds=3, counts={"wav": 400, "jpg": 60})
    for (modality, kind), ratio in bench_loading.ratios(found).items():
        assert ratio > bench_loading.WANTED[modality] / 2, kind


def test_lengths_cost_a_fraction_of_an_export_and_are_equal(tmp_path: Path):
    import bench_lengths

    found = bench_lengths.ratios(bench_lengths.measure(tmp_path, 20))
    assert found["mixed"] > bench_lengths.WANTED / 2
    # Text is what the tokenizer takes, on both sides.
    assert found["text"] > 2


def test_every_benchmark_has_its_section_and_the_common_form():
    import run_all

    page = run_all.PAGE.read_text(encoding="utf-8")
    for name in run_all.BENCHMARKS:
        assert f"<!-- {name}: written by make bench-data -->" in page, f"run: make bench-data (no {name})"
        code = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        for function in ("main", "measure", "ratios"):
            assert f"def {function}(" in code, f"{name} has no {function}()"


def test_a_section_is_put_in_its_place():
    import run_all

    page = run_all.put("# Page\n", "one", "first\n")
    page = run_all.put(page, "two", "second\n")
    again = run_all.put(page, "one", "third\n")
    assert again == page.replace("first", "third")
    assert run_all.put(again, "one", "first\n") == page


def test_benchmarks_are_part_of_the_repository():
    done = subprocess.run(["git", "ls-files", FOLDER], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("no repository")
    assert {Path(name).name for name in done.stdout.split()} >= {path.name for path in FOLDER.glob("*.py")}
