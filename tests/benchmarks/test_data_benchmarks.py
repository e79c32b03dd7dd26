"""The benchmarks of the data stages, small: their ratios are about those that were reached; and their page."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from omnitune.environments import ROOT

FOLDER = ROOT / "benchmarks" / "data"
pytestmark = pytest.mark.alone


@pytest.fixture(autouse=True)
def _beside_the_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where media are made once for all."""
    return tmp_path_factory.mktemp("media")


def hold(level: str, counts: dict[str, int], media: Path, *, rounds: int, most: float) -> None:
    import bench_levels

    found = bench_levels.ratios(bench_levels.measure(media, rounds=rounds, counts=counts, levels=[level]))
    assert len(found) == len(counts)
    assert {kind: ratio for (_, kind), ratio in found.items() if ratio >= most} == {}


def test_reading_whole_files_costs_little_more_than_a_bare_read(tmp_path: Path):
    import media_set

    # Enough that both sides take some milliseconds; at this level equal files are read as others are.
    counts = {"wav": 600, "flac": 300, "mp3": 400, "jpg": 200, "png": 30, "mp4": 30}
    for kind, made in media_set.media_set(tmp_path, dict.fromkeys(counts, 2)).items():
        for number in range(2, counts[kind]):
            shutil.copy2(made[number % 2][1], tmp_path / f"{number:06d}.{kind}")
    # 1.4 to 3.4 are reached: beside a read of 20 us the look at a file's state and header weighs as much again.
    hold("hash", counts, tmp_path, rounds=9, most=5)


def test_decoding_costs_little_more_than_a_bare_decoder(media: Path):
    counts = {"wav": 200, "flac": 40, "mp3": 40, "jpg": 40, "png": 6, "mp4": 2}
    hold("decode", counts, media, rounds=3, most=2.2)  # twice what is wanted


# Up to twice what is reached, of which the files' states alone are a large part; the faster a machine decodes, the
# larger the share (7 % where a clip takes 0.16 ms, 3 % where it takes 0.6 ms).
@pytest.mark.parametrize(("level", "loose"), [("header", 0.75), ("hash", 0.45), ("decode", 0.1)])
def test_one_percent_more_costs_little(level: str, loose: float, media: Path):
    import bench_incremental

    counts = {"wav": 1000, "jpg": 100} if level == "decode" else {"wav": 1000}
    found = bench_incremental.measure(media, rounds=6, counts=counts, levels=[level])
    for key, ratio in bench_incremental.ratios(found).items():
        assert ratio < loose, key


def test_a_header_costs_a_fraction_of_loading(media: Path):
    import bench_loading

    found = bench_loading.measure(media, rounds=3, counts={"wav": 400, "jpg": 60})
    for (modality, kind), ratio in bench_loading.ratios(found).items():
        assert ratio > bench_loading.WANTED[modality] / 2, kind


def test_lengths_cost_a_fraction_of_an_export_and_are_equal(tmp_path: Path):
    import bench_lengths

    # Of fewer rows an export takes less than its start differs by; of two rounds that evens out.
    found = bench_lengths.ratios(bench_lengths.measure(tmp_path, 100, rounds=2))
    assert found["mixed"] > bench_lengths.WANTED / 2
    # Around what is reached: of text ms-swift's own tokenizer takes little, too.
    assert found["text"] > 3


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
