"""Batches of media, at the three levels."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
import xxhash
from media_files import image, video, wav
from PIL import Image

from omnitune.config.validate import ValidateConfig
from omnitune.media import examine
from omnitune.media import inspect as inspecting
from omnitune.media.facts import Limits
from omnitune.media.inspect import Inspection, Inspector
from omnitune.media.probe import PROBES

LEVELS = ("header", "hash", "decode")


def inspect(level: str, media: list[tuple[str, Path]], cache: Path | None = None, **settings) -> list[Inspection]:
    with Inspector(ValidateConfig(media=level, **settings), cache) as inspector:
        return inspector.inspect([(modality, str(path)) for modality, path in media])


def codes(inspections: list[Inspection]) -> list[list[str]]:
    return [[finding.code for finding in inspection.findings] for inspection in inspections]


def settle(*paths: Path) -> None:
    """Make the files older than a cache asks for."""
    for path in paths:
        os.utime(path, (1_700_000_000, 1_700_000_000))


def noise(path: Path) -> Path:
    Image.fromarray(np.random.default_rng(7).integers(0, 255, (64, 80, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def media(tmp_path: Path) -> list[tuple[str, Path]]:
    return [
        ("audio", wav(tmp_path / "a.wav", 1)),
        ("image", noise(tmp_path / "i.png")),
        ("video", video(tmp_path / "v.mp4", sound=True)),
        ("audio", tmp_path / "v.mp4"),
    ]


@pytest.fixture
def worked(monkeypatch) -> list[tuple[str, ...]]:
    """(name, "read" or "decode") of what is not known, in order."""
    seen: list[tuple[str, ...]] = []
    read, work = Inspector._read, Inspector._work

    def reading(self, files):
        seen.extend((Path(file.path).name, "read") for file in files)
        return read(self, files)

    def working(self, tasks, chunk):
        seen.extend((Path(task.path).name, "decode") for task in tasks if task.probe)
        return work(self, tasks, chunk)

    monkeypatch.setattr(Inspector, "_read", reading)
    monkeypatch.setattr(Inspector, "_work", working)
    return seen


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_reads_as_far_as_it_says(media, level):
    found = inspect(level, media)
    assert all(inspection.probe for inspection in found)
    digests = [xxhash.xxh3_128_hexdigest(path.read_bytes()) for _, path in media]
    assert [inspection.digest for inspection in found] == ([""] * 4 if level == "header" else digests)
    assert all(len(inspection.content) == (32 if level == "decode" else 0) for inspection in found)


def test_a_level_finds_what_it_promises(tmp_path: Path):
    flipped, cracked, silent = tmp_path / "flipped.png", tmp_path / "cracked.flac", wav(tmp_path / "silent.wav", 1)
    content = bytearray(noise(tmp_path / "i.png").read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    soundfile.write(cracked, np.random.default_rng(2).normal(0, 0.1, 160_000), 16_000)
    content = bytearray(cracked.read_bytes())
    content[len(content) // 3 : len(content) // 2] = b"\xff" * (len(content) // 2 - len(content) // 3)
    cracked.write_bytes(content)
    soundfile.write(silent, np.zeros(16_000), 16_000)
    media = [("image", flipped), ("audio", cracked), ("audio", silent)]
    assert codes(inspect("header", media)) == [[], [], []]
    assert codes(inspect("hash", media)) == [["E101"], [], []]
    assert codes(inspect("decode", media)) == [["E101"], ["E081"], ["E089"]]


@pytest.mark.parametrize("level", ["header", "hash"])  # the processes of decode are others
def test_a_reader_that_fails_costs_its_file_a_verdict(media, monkeypatch, level):
    def fail(*_):
        raise OverflowError("too large")

    monkeypatch.setitem(PROBES, "image", (fail, 64))
    assert codes(inspect(level, media)) == [[], ["E221"], [], []]


@pytest.mark.parametrize("level", LEVELS)
def test_what_cannot_be_opened_has_its_finding_and_its_place(tmp_path: Path, media, level):
    page = tmp_path / "page.wav"
    page.write_text("<html>")
    media = [media[0], ("audio", page), media[1], ("image", tmp_path / "gone"), media[0]]
    found = inspect(level, media)
    assert codes(found) == [[], ["E079"], [], ["E061"], []]
    assert found[0] == found[4]
    assert found[1].probe is found[3].probe is None


def test_equal_media_of_a_batch_and_of_the_last_ones_are_read_once(media, worked):
    with Inspector(ValidateConfig(media="hash")) as inspector:
        asked = [(modality, str(path)) for modality, path in media]
        first = inspector.inspect(asked * 3)
        assert inspector.inspect(asked) == first[:4]
    assert sorted(worked) == [("a.wav", "read"), ("i.png", "read"), ("v.mp4", "read"), ("v.mp4", "read")]


def test_equal_files_under_other_names_are_decoded_once(tmp_path: Path, worked):
    silent = wav(tmp_path / "a.wav", 1)
    soundfile.write(silent, np.zeros(16_000), 16_000)
    (tmp_path / "b.wav").write_bytes(silent.read_bytes())
    media = [("audio", silent), ("audio", tmp_path / "b.wav")]
    first, second = inspect("decode", media)
    assert sorted(how for _, how in worked) == ["decode", "read", "read"]
    assert first.content == second.content
    assert "a.wav is silent" in first.findings[0].what
    assert "b.wav is silent" in second.findings[0].what


def test_a_share_of_the_files_is_decoded_and_always_the_same(tmp_path: Path):
    media = [("audio", wav(tmp_path / f"{number}.wav")) for number in range(60)]
    decoded = [bool(inspection.content) for inspection in inspect("decode", media, decode_share=0.5)]
    assert 10 < sum(decoded) < 50  # by the hash of their paths, which differ from run to run
    again = inspect("decode", list(reversed(media)), decode_share=0.5, processes=1)
    assert [bool(inspection.content) for inspection in reversed(again)] == decoded
    assert all(inspection.digest for inspection in again)
    more = inspect("decode", media, decode_share=0.8)
    assert all(inspection.content for inspection, was in zip(more, decoded, strict=True) if was)


@pytest.mark.parametrize("level", LEVELS)
def test_results_do_not_depend_on_the_processes(media, level):
    assert inspect(level, media, processes=1) == inspect(level, media * 3, processes=3)[:4]


def scan_bomb(path: Path, scans: int) -> Path:
    """A progressive JPEG that goes over its pixels once more with every scan, two bytes for thousands of them."""
    Image.new("RGB", (4000, 4000)).save(path, progressive=True)
    content = path.read_bytes()
    last = content.rindex(b"\xff\xda")
    path.write_bytes(content[:-2] + content[last:-2] * scans + b"\xff\xd9")
    return path


def test_a_decoder_that_takes_too_long_costs_its_file(tmp_path: Path, media):
    slow = scan_bomb(tmp_path / "slow.jpg", 3000)
    found = inspect("decode", [*media[:2], ("image", slow), media[2]], decode_seconds=3)
    assert codes(found) == [[], [], ["E123"], []]
    assert found[2].findings[0].what == f"{slow} is not decoded (not done after 3 s)"
    assert found[2].probe


@pytest.mark.parametrize(("number", "code"), [(0, "E093"), (1, "E123"), (2, "E222")])
def test_a_decoder_that_takes_too_much_memory_costs_its_file(media, monkeypatch, number, code):
    def fail(path, probe):
        raise MemoryError

    modality, path = media[number]
    monkeypatch.setitem(examine._DECODERS, modality, fail)
    state, (seen,) = path.stat(), inspect("header", [media[number]])
    task = examine.Task(modality, str(path), state.st_size, state.st_mtime_ns, probe=seen.probe)
    (finding,) = examine.examine(Limits(), task).findings
    assert (finding.code, finding.what) == (code, f"{path} needs too much memory to be decoded")


def crash(limits: Limits, encoded: bytes) -> bytes:
    """The worker's work, but that a file named crash ends it."""
    task = msgspec.msgpack.decode(encoded, type=examine.Task)
    name = Path(task.path).name
    if name.startswith("crash") and (task.probe or not task.whole):
        os.kill(os.getpid(), 11)
    if name.startswith("fault") and task.probe:
        raise_in(task)
    return examine.examine_encoded(limits, encoded)


def raise_in(task) -> None:
    """Make the decoder raise what no decoder should."""

    def fail(path, probe):
        raise ZeroDivisionError("in a decoder")

    examine._DECODERS = dict.fromkeys(examine._DECODERS, fail)


@pytest.mark.parametrize("level", ["header", "hash"])
def test_a_library_that_looks_at_a_header_does_so_in_a_process_of_its_own(
    level: str, tmp_path: Path, media, capfd, monkeypatch
):
    """Whatever it says and does there; what needs no library starts no process."""
    rest = wav(tmp_path / "a.mp3", 3, format="MP3")
    content = rest.read_bytes().replace(b"Xing", bytes(4)).replace(b"Info", bytes(4))
    rest.write_bytes(content[:3000] + bytes(2000) + content[3000:])
    files = [media[0], ("audio", rest), ("audio", wav(tmp_path / "b.ogg", 1, format="OGG")), media[1]]
    asked: list[str] = []
    work = Inspector._work
    monkeypatch.setattr(
        Inspector,
        "_work",
        lambda self, tasks, chunk: (
            asked.extend(Path(task.path).name for task in tasks) or work(self, tasks, chunk)
        ),
    )
    found = inspect(level, files)
    assert [inspection.probe is not None for inspection in found] == [True] * 4
    assert asked == ["a.mp3", "b.ogg"]
    assert capfd.readouterr().err == ""


def test_a_library_that_crashes_on_a_header_costs_its_file(tmp_path: Path, media, monkeypatch):
    monkeypatch.setattr(inspecting, "examine_encoded", crash)
    sounds = [("audio", wav(tmp_path / name, 1, format="OGG")) for name in ("a.ogg", "crash.ogg", "b.ogg")]
    assert codes(inspect("header", [*sounds, media[0]])) == [[], ["E221"], [], []]


def test_a_decoder_that_crashes_costs_its_file(tmp_path: Path, media, monkeypatch):
    monkeypatch.setattr(inspecting, "examine_encoded", crash)
    names = ["crash1.wav", "b.wav", "crash2.wav", "d.wav"]
    files = [wav(tmp_path / name, 0.1 + 0.1 * number) for number, name in enumerate(names)]
    found = inspect("decode", [("audio", path) for path in files])
    assert codes(found) == [["E221"], [], ["E221"], []]
    assert found[0].findings[0].what == f"{files[0]} ends the process that decodes it (Segmentation fault)"
    (failed,) = inspect("decode", [("audio", wav(tmp_path / "fault.wav", 0.7))])
    assert failed.findings[0].what == (
        f"{tmp_path}/fault.wav makes its decoder fail (ZeroDivisionError('in a decoder'))"
    )


def test_a_file_that_changes_is_not_what_was_seen(tmp_path: Path, monkeypatch):
    path = wav(tmp_path / "a.wav", 1)
    state = inspecting.regular_state

    def earlier(path, real):
        seen = state(path, real)
        os.utime(real, (5, 5))
        return seen

    monkeypatch.setattr(inspecting, "regular_state", earlier)
    (found,) = inspect("hash", [("audio", path)], tmp_path / "c" / "0.jsonl")
    assert codes([found]) == [["E078"]]
    monkeypatch.undo()
    assert codes(inspect("hash", [("audio", path)], tmp_path / "c" / "0.jsonl")) == [[]]


# What is known from the last run.


@pytest.fixture
def known(tmp_path: Path, media, worked) -> Callable[..., tuple[list[Inspection], list[tuple[str, ...]]]]:
    """Inspects with a cache; what comes out, and what was not known."""
    settle(*(path for _, path in media))

    def again(level: str, media: list[tuple[str, Path]] = media, **settings):
        worked.clear()
        found = inspect(level, media, tmp_path / "cache" / "0.jsonl", **settings)
        return found, sorted(worked)

    return again


@pytest.mark.parametrize("level", ["hash", "decode"])
def test_a_second_run_reads_nothing(known, level):
    first, worked = known(level)
    assert worked
    assert known(level) == (first, [])


def test_a_second_run_opens_nothing(known, monkeypatch):
    first, _ = known("header")
    monkeypatch.setattr(inspecting, "examine", None)
    assert known("header") == (first, [])


def test_a_file_that_was_changed_and_got_its_old_time_back_is_read_again(known, media):
    path = media[0][1]
    known("hash")
    path.write_bytes(path.read_bytes()[::-1])
    settle(path)
    found, worked = known("hash")
    assert worked == [("a.wav", "read")]
    assert codes(found)[0] == ["E080"]


def test_a_file_of_another_time_or_size_is_read_again(known, media):
    known("hash")
    os.utime(media[0][1], (7, 7))
    assert known("hash")[1] == [("a.wav", "read")]
    os.truncate(media[1][1], 900)
    settle(media[1][1])
    found, worked = known("hash")
    assert worked == [("i.png", "read")]
    assert codes(found)[1] == ["E101"]


def test_levels_and_limits_have_entries_of_their_own(known):
    known("hash")
    assert known("decode")[1]
    assert known("hash")[1] == []
    assert known("hash", audio_max_seconds=99.0)[1]
    assert known("hash", processes=1, decode_seconds=7.0, policy={"E101": "fail"})[1] == []


def test_raising_the_version_forgets_all(known, monkeypatch):
    known("hash")
    monkeypatch.setattr(inspecting, "VERSION", 0)
    assert len(known("hash")[1]) == 4


def test_a_file_moved_is_not_decoded_again(known, media):
    first, _ = known("decode")
    moved = [(modality, path.rename(path.with_name(f"moved-{path.name}"))) for modality, path in media[:3]]
    found, worked = known("decode", moved)
    assert worked == [("moved-a.wav", "read"), ("moved-i.png", "read"), ("moved-v.mp4", "read")]
    assert [inspection.content for inspection in found] == [inspection.content for inspection in first[:3]]


def test_refusals_are_known_and_name_their_file(known, tmp_path: Path):
    blank = image(tmp_path / "blank.png")
    page = tmp_path / "page.wav"
    page.write_text("<html>")
    settle(blank, page)
    asked = [("image", blank), ("audio", page)]
    first, _ = known("decode", asked)
    assert codes(first) == [["E121"], ["E079"]]
    assert known("decode", asked) == (first, [])
    copy = tmp_path / "copy.png"
    copy.write_bytes(blank.read_bytes())
    settle(copy)
    (found,), worked = known("decode", [("image", copy)])
    assert worked == [("copy.png", "read")]
    assert found.findings[0].what == f"{copy} is of one colour"


def test_what_may_pass_is_not_kept(known, tmp_path: Path, monkeypatch):
    path = wav(tmp_path / "crash.wav")
    settle(path)
    with monkeypatch.context() as broken:
        broken.setattr(inspecting, "examine_encoded", crash)
        assert codes(known("decode", [("audio", path)])[0]) == [["E221"]]
    assert codes(known("decode", [("audio", path)])[0]) == [[]]


def test_a_file_written_just_now_is_not_kept(known, tmp_path: Path):
    path = wav(tmp_path / "new.wav")
    os.utime(path, (4_000_000_000, 4_000_000_000))  # however slow this machine is
    known("hash", [("audio", path)])
    assert known("hash", [("audio", path)])[1] == [("new.wav", "read")]
    settle(path)
    known("hash", [("audio", path)])
    assert known("hash", [("audio", path)])[1] == []


def test_a_damaged_cache_is_no_failure(known, tmp_path: Path, capsys):
    first, worked = known("hash")
    (tmp_path / "cache" / "0.jsonl").write_bytes(b"\x00\x01\n" * 50)
    assert known("hash") == (first, worked)
    assert "is damaged" in capsys.readouterr().err
    assert known("hash") == (first, [])
