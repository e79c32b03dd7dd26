"""What is known over runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from omnitune.environments import ROOT
from omnitune.media.cache import InspectionCache, key_of
from omnitune.media.inspection import Inspection
from omnitune.media.probe import Probe
from omnitune.validation.codes import Finding


def inspection(number: int) -> Inspection:
    findings = (Finding("E122", f"x has {number} bytes\nafter its end"),) if number % 3 == 0 else ()
    return Inspection(Probe("audio", "WAV", duration=number / 7), findings, f"{number:032x}", "c" * (number % 40))


def entries(start: int, end: int) -> dict[str, Inspection]:
    return {key_of(str(number)): inspection(number) for number in range(start, end)}


def find(path: Path, wanted: dict[str, Inspection]) -> dict[str, Inspection]:
    cache = InspectionCache(path)
    found = cache.find(wanted)
    cache.close()
    return found


def note(path: Path, inspections: dict[str, Inspection]) -> None:
    cache = InspectionCache(path)
    cache.add(inspections)
    cache.close()


def test_what_is_noted_is_found_by_the_next(tmp_path: Path):
    path = tmp_path / "new" / "0.jsonl"
    assert find(path, entries(0, 3)) == {}
    note(path, entries(0, 600))
    note(path, entries(600, 1000))
    assert find(path, entries(0, 1200)) == entries(0, 1000)
    assert find(path, {}) == {}


def test_a_later_entry_of_a_key_counts(tmp_path: Path):
    (key,) = entries(1, 2)
    for number in (5, 6, 7):
        note(tmp_path / "0.jsonl", {key: inspection(number)})
    assert find(tmp_path / "0.jsonl", {key: inspection(0)}) == {key: inspection(7)}


def test_jobs_of_one_source_share_what_they_know(tmp_path: Path):
    note(tmp_path / "0.jsonl", entries(0, 10))
    note(tmp_path / "1.jsonl", entries(10, 20))
    assert find(tmp_path / "2.jsonl", entries(0, 30)) == entries(0, 20)


def test_nothing_is_made_before_it_is_needed(tmp_path: Path):
    InspectionCache(tmp_path / "new" / "0.jsonl").close()
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path: Path):
    path = tmp_path / "0.jsonl"
    note(path, entries(0, 10))
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    assert find(path, entries(0, 10)) == entries(0, 9)
    note(path, entries(9, 12))
    assert find(path, entries(0, 12)) == entries(0, 12)


def test_another_job_s_unfinished_line_is_left_alone(tmp_path: Path):
    note(tmp_path / "0.jsonl", entries(0, 10))
    content = (tmp_path / "0.jsonl").read_bytes()[:-20]
    (tmp_path / "0.jsonl").write_bytes(content)
    assert find(tmp_path / "1.jsonl", entries(0, 10)) == entries(0, 9)
    assert (tmp_path / "0.jsonl").read_bytes() == content


@pytest.mark.parametrize(
    "damage", [b"", b"\n\n", b"\x00" * 4096 + b"\n", b"x" * 3_000_000, b"not a cache\n", b"g" * 90 + b"\n"]
)
def test_a_file_that_is_no_cache_is_put_aside(tmp_path: Path, damage, capsys):
    path = tmp_path / "0.jsonl"
    note(path, entries(0, 10))
    path.write_bytes(path.read_bytes() + damage)
    if not damage:
        assert find(path, entries(0, 10)) == entries(0, 10)
        return
    assert find(path, entries(0, 10)) == {}
    assert (tmp_path / "0.damaged").exists()
    assert capsys.readouterr().err == (
        f"warning: {path} is damaged. What it knew is found out anew; it was moved to 0.damaged, "
        "which may be deleted.\n"
    )
    note(path, entries(0, 10))
    assert find(path, entries(0, 10)) == entries(0, 10)


@pytest.mark.parametrize("place", range(30, 330, 7))
def test_a_damaged_entry_is_never_believed(tmp_path: Path, place, capsys):
    path = tmp_path / "0.jsonl"
    note(path, entries(0, 10))
    content = bytearray(path.read_bytes())
    content[place] ^= 0x04
    path.write_bytes(content)
    cache = InspectionCache(path)
    found = cache.find(entries(0, 10))
    assert found.items() <= entries(0, 10).items()
    assert len(found) < 10
    cache.add(entries(20, 30))
    cache.close()
    assert entries(20, 30).items() <= find(path, entries(0, 30)).items()


def test_an_entry_of_another_version_is_unknown(tmp_path: Path, monkeypatch):
    import msgspec

    with monkeypatch.context() as other:
        other.setattr(msgspec.json, "encode", lambda _: b'{"all":"different"}')
        note(tmp_path / "0.jsonl", entries(0, 3))
    assert find(tmp_path / "0.jsonl", entries(0, 3)) == {}


def test_a_cache_that_cannot_be_read_is_no_failure(tmp_path: Path):
    (tmp_path / "1.jsonl").mkdir()
    note(tmp_path / "0.jsonl", entries(0, 3))
    assert find(tmp_path / "0.jsonl", entries(0, 3)) == entries(0, 3)


WRITER = """
import sys
from pathlib import Path
from test_inspection_cache import entries
from omnitune.media.cache import InspectionCache
number = int(sys.argv[1])
cache = InspectionCache(Path(sys.argv[2]) / f"{number}.jsonl")
for start in range(0, 2000, 50):
    cache.add(entries(10_000 * number + start, 10_000 * number + start + 50))
    cache.find(entries(0, 100))
    if start % 400 == 0:
        cache.close()
        cache = InspectionCache(Path(sys.argv[2]) / f"{number}.jsonl")
"""


def test_processes_at_work_in_one_folder_do_no_damage(tmp_path: Path):
    path = ":".join(map(str, [ROOT / "workflow" / "scripts", Path(__file__).parent]))
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number), str(tmp_path)],
            env={"PYTHONPATH": path},
            stderr=subprocess.PIPE,
        )
        for number in range(3)
    ]
    for writer in writers:
        assert writer.communicate(timeout=60) == (None, b"")
        assert writer.returncode == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0.jsonl", "1.jsonl", "2.jsonl"]
    wanted = {
        key: value
        for number in range(3)
        for key, value in entries(10_000 * number, 10_000 * number + 2000).items()
    }
    assert find(tmp_path / "3.jsonl", wanted) == wanted
