"""Mended media: named by what they were, written once, whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import mend_jobs
import msgspec
import numpy as np
import odd_media
import psutil
import pytest
from data_commands import SCRIPTS
from media_files import image, video, wav
from PIL import Image

from omnitune.config.validate import ValidateConfig
from omnitune.media import mend as mend_module
from omnitune.media.inspection import Inspection
from omnitune.media.mend import CODES, LARGEST, Made, Task, mend_encoded, mend_file
from omnitune.media.mender import Mender
from omnitune.media.pool import Pool
from omnitune.media.probe import Probe, probe
from omnitune.records import Message, Record
from omnitune.validation import catalogue
from omnitune.validation import codes as table
from omnitune.validation.codes import Finding
from omnitune.validation.validate import Gate


def inspection(*codes: str, duration: float = 0.0) -> Inspection:
    probe = Probe("audio", "WAV", duration=duration) if duration else None
    return Inspection(probe, tuple(Finding(code, "found") for code in codes))


@pytest.fixture
def mender(tmp_path: Path) -> Iterator[Mender]:
    mender = Mender(tmp_path / "media")
    yield mender
    mender.close()


def one(mender: Mender, modality: str, path: Path | str, *codes: str, duration: float = 0.0) -> str | Finding:
    """What is made of one file."""
    (made,) = mender.mend([(modality, str(path), inspection(*codes, duration=duration))])
    return made


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


MEDIA = [
    ("audio", lambda folder: wav(folder / "a.wav", 0.2, 44100, 2), ["E086"], ".sound.2.wav"),
    ("image", lambda folder: image(folder / "a.png", mode="RGBA"), ["E111"], ".E111.1.png"),
    ("image", lambda folder: image(folder / "a.jpg", mode="CMYK"), ["E115", "E109"], ".E109-E115.1.jpg"),
    ("video", lambda folder: video(folder / "a.mp4"), ["E129"], ".E129.1.mp4"),
]


@pytest.mark.parametrize(("modality", "make", "codes", "ending"), MEDIA, ids=[case[3] for case in MEDIA])
def test_a_medium_is_written_once_under_the_name_of_its_content(
    tmp_path: Path, mender: Mender, modality: str, make: Callable[[Path], Path], codes, ending: str
):
    original = make(tmp_path)
    content, stamp = original.read_bytes(), original.stat().st_mtime_ns
    copy = original.with_name(f"other{original.suffix}")
    copy.write_bytes(content)
    made = one(mender, modality, original, *codes)
    assert isinstance(made, str)
    assert Path(made).is_absolute()
    assert made.endswith(ending)
    assert one(mender, modality, copy, *reversed(codes)) == made
    assert files(tmp_path / "media") == [Path(made).name]
    assert (original.read_bytes(), original.stat().st_mtime_ns) == (content, stamp)
    task = Task(modality, str(original), frozenset(codes), tmp_path / "elsewhere", 60.0)
    task.folder.mkdir()
    elsewhere = mend_file(task, tmp_path / "scratch")
    assert Path(str(elsewhere)).read_bytes() == Path(made).read_bytes()
    # What is there is not made again, by another process neither.
    Path(made).write_bytes(b"as it was")
    again = Mender(tmp_path / "media")
    assert one(again, modality, original, *codes) == made
    assert Path(made).read_bytes() == b"as it was"
    again.close()


def test_other_wishes_and_other_recipes_are_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    task = Task("image", str(image(tmp_path / "a.png", mode="RGBA")), frozenset(), tmp_path / "media", 60.0)
    task.folder.mkdir()
    wishes = [task._replace(codes=frozenset(codes)) for codes in (["E111"], ["E111", "E115"], ["E115"])]
    made = {mend_file(wish, tmp_path / "scratch") for wish in wishes}
    monkeypatch.setattr(mend_module, "VERSION", 2)
    made.add(mend_file(wishes[0], tmp_path / "scratch"))
    assert len(made) == len(files(tmp_path / "media")) == 4


def test_the_path_does_not_lead_through_a_link(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    mender = Mender(tmp_path / "link" / "media")
    made = one(mender, "audio", wav(tmp_path / "a.wav"), "E086")
    assert Path(str(made)).parent == tmp_path / "real" / "media"
    mender.close()


@pytest.mark.parametrize(
    ("modality", "name", "codes", "code"),
    [
        ("image", "a.png", ["E111"], "E101"),
        ("audio", "a.wav", ["E086"], "E080"),
        ("video", "a.mp4", ["E129"], "E135"),
        ("image", "missing.png", ["E111"], "E063"),
        ("audio", ".", ["E086"], "E063"),
        ("image", "a.png", ["E111", "E102"], "E220"),
        ("audio", "a.wav", ["E111"], "E220"),
    ],
)
def test_what_cannot_be_mended_is_said_each_time(tmp_path: Path, mender: Mender, modality, name, codes, code):
    for bad in ("a.png", "a.wav", "a.mp4"):
        (tmp_path / bad).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    for _ in range(2):
        found = one(mender, modality, tmp_path / name, *codes)
        assert isinstance(found, Finding)
        assert found.code == code
        assert str(tmp_path / name) in found.what
    assert files(tmp_path / "media") == []


def test_more_sound_than_the_header_tells_of_fills_no_disk(tmp_path: Path):
    path = wav(tmp_path / "a.wav", 60, 8000)
    for longest, duration, code in ((100.0, 0.0, ""), (59.0, 0.0, "E080"), (100.0, 1.0, "E080")):
        settings = ValidateConfig(audio_max_seconds=longest, video_max_seconds=longest)
        mender = Mender(tmp_path / "media", settings)
        found = one(mender, "audio", path, "E086", duration=duration)
        mender.close()
        assert (found.code if isinstance(found, Finding) else "") == code
        assert not code or "more sound than" in str(found)
        assert len(files(tmp_path / "media")) == (0 if code else 1)
        if not code:
            Path(str(found)).unlink()


@pytest.mark.parametrize("name", [entry[0] for entry in odd_media.MISREAD] + ["GSM610.wav"])
def test_sound_that_the_training_misreads_is_read_after_it(tmp_path: Path, mender: Mender, name: str):
    form = {entry[0]: entry[1:] for entry in odd_media.MISREAD}.get(name)
    path = odd_media.write_sound(tmp_path / name, *form) if form else wav(tmp_path / name, 2, subtype="GSM610")
    before = probe("audio", str(path))
    after = probe("audio", str(one(mender, "audio", path, "E240")))
    assert [finding.code for finding in after.findings] == []
    assert after.duration == pytest.approx(before.duration, abs=0.1)


@pytest.mark.parametrize(
    ("word", "code"), [("kill 11", "E221"), ("exit 3", "E221"), ("hang 600", "E093"), ("spin 600", "E093")]
)
def test_a_file_that_ends_or_stops_its_process_costs_itself_alone(tmp_path: Path, word: str, code: str):
    """The job itself is another one; the processes, their limits and what is said of them are the mender's."""
    paths = [wav(tmp_path / f"{number}.wav", 0.1 + number / 100) for number in range(6)]
    paths[3].write_text(word)
    mender = Mender(tmp_path / "media", ValidateConfig(decode_seconds=5))  # a disk may be busy with others' files
    mender._pool.close()
    mender._pool = Pool(mend_jobs.mend_or_die, 2, LARGEST)
    begun = time.monotonic()
    made = mender.mend([("audio", str(path), inspection("E086")) for path in paths])
    assert time.monotonic() - begun < 60
    mender.close()
    assert [number for number, path in enumerate(made) if isinstance(path, Finding)] == [3]
    assert isinstance(made[3], Finding)
    assert made[3].code == code
    assert str(paths[3]) in made[3].what
    assert files(tmp_path / "media") == sorted(Path(str(path)).name for path in made[:3] + made[4:])


@pytest.mark.parametrize(
    ("error", "code", "trouble"),
    [
        (MemoryError(), "E123", 0),
        (RuntimeError("corrupt"), "E221", 0),
        (OSError(errno.EFBIG, "File too large"), "E123", 0),
        (OSError("cannot identify"), "E221", 0),
        (OSError(errno.ENOSPC, "No space left on device"), "", errno.ENOSPC),
    ],
)
def test_whatever_a_decoder_raises_is_the_file_s_fault_but_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str, trouble: int
):
    def raises(*_: object) -> None:
        raise error

    monkeypatch.setattr(mend_module, "_mend", raises)
    path = image(tmp_path / "a.png", mode="RGBA")
    job = Task("image", str(path), frozenset({"E111"}), tmp_path / "media", 60.0), tmp_path
    made = msgspec.msgpack.decode(mend_encoded(job), type=Made)
    assert (made.path, made.finding.code if made.finding else "", made.trouble) == ("", code, trouble)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_folder_that_cannot_be_written_to_is_no_file_s_fault(tmp_path: Path, mender: Mender):
    (tmp_path / "media").mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path / "media"], check=False
    ).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        with pytest.raises(OSError, match="No space left"):
            one(mender, "audio", wav(tmp_path / "a.wav", 20), "E086")
    finally:
        subprocess.run(["umount", "-l", tmp_path / "media"], check=True)


def test_no_process_starts_before_there_is_something_to_mend(tmp_path: Path):
    alive = set(psutil.Process().children(recursive=True))
    rows = [("audio", str(wav(tmp_path / "a.wav")))]
    with Gate("d.jsonl", ["sft"], ValidateConfig(policy={"E086": "repair"}), tmp_path / "media") as gate:
        assert gate.judge(
            [
                Record(
                    "s/1",
                    "s",
                    1,
                    "t",
                    [Message("user", "<audio>?"), Message("assistant", "!")],
                    audios=[rows[0][1]],
                )
            ]
        )
    assert set(psutil.Process().children(recursive=True)) <= alive
    assert not (tmp_path / "media").exists()


def test_every_code_that_a_policy_may_repair_has_a_recipe():
    recipes = frozenset[str]().union(*CODES.values())
    # The converters put right what is about text.
    own = {code: catalogue.own.CODES[code] for code in ("E240", "E242")}
    media = catalogue.audio.CODES | catalogue.images.CODES | catalogue.video.CODES | own
    assert {code for code, kind in media.items() if "repair" in kind.actions} == recipes
    for task_codes in CODES.values():
        assert all("repair" in table.CODES[code].actions for code in task_codes)


def test_processes_that_mend_the_same_files_at_once_make_each_whole(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 4), dtype=np.uint8)
    for number in range(4):
        Image.fromarray(np.roll(noise, number)).save(tmp_path / f"{number}.png")
    tasks = [
        Task("image", str(tmp_path / f"{number % 4}.png"), frozenset({"E111"}), tmp_path / "media", 1.0)
        for number in range(24)
    ]
    for name in ("media", "alone"):
        (tmp_path / name).mkdir()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        made = [str(path) for path in pool.map(mend_file, tasks, [tmp_path / "scratch"] * len(tasks))]
    assert made == made[:4] * 6
    assert files(tmp_path / "media") == sorted({Path(path).name for path in made})
    for path, task in zip(made[:4], tasks, strict=False):
        alone = mend_file(task._replace(folder=tmp_path / "alone"), tmp_path / "scratch")
        assert Path(path).read_bytes() == Path(str(alone)).read_bytes()


def test_copies_in_one_batch_become_one_file(tmp_path: Path, mender: Mender):
    content = image(tmp_path / "a.png", (300, 300), "RGBA").read_bytes()
    copies = [tmp_path / f"{number}.png" for number in range(24)]
    for path in copies:
        path.write_bytes(content)
    made = mender.mend([("image", str(path), inspection("E111")) for path in copies])
    assert len(set(made)) == 1
    assert files(tmp_path / "media") == [Path(str(made[0])).name]


KILLED = """
import os, signal, sys, wave
from pathlib import Path
from omnitune.media.mend import Task, mend_file
write = wave.Wave_write.writeframesraw
def until_it_is_killed(self, samples):
    write(self, samples)
    if self.tell() > 20_000:
        self._file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
wave.Wave_write.writeframesraw = until_it_is_killed
folder = Path(sys.argv[2])
mend_file(Task("audio", sys.argv[1], frozenset({"E086"}), folder, 1e9), folder / ".scratch")
"""


def test_a_kill_leaves_nothing_that_looks_whole_and_the_next_run_mends(tmp_path: Path):
    path, folder = wav(tmp_path / "a.wav", 200, 8000), tmp_path / "media"
    done = subprocess.run([sys.executable, "-c", KILLED, path, folder], cwd=SCRIPTS, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [part.stat().st_size > 20_000 for part in folder.glob(".scratch/*/.*.tmp")] == [True]
    assert [name for name in files(folder) if not name.startswith(".")] == []
    mender = Mender(folder)
    made = one(mender, "audio", path, "E086")
    mender.close()
    assert Path(str(made)).stat().st_size == 44 + 2 * 16000 * 200


def test_a_task_needs_no_decoder_until_it_is_done():
    code = (
        "import sys, omnitune.media.mend; "
        "print(sorted({'av', 'PIL', 'soundfile', 'numpy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
