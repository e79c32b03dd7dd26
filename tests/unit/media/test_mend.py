"""Mended media: named by what they were, written once, whole or not at all."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from data_commands import SCRIPTS
from media_files import image, video, wav
from PIL import Image

from omnitune.media import mend as mend_module
from omnitune.media.inspect import Inspection
from omnitune.media.mend import CODES, Mender, Task, mend_file
from omnitune.media.probe import Probe
from omnitune.validation import catalogue
from omnitune.validation import codes as table
from omnitune.validation.codes import Finding, RowError


def inspection(*codes: str, duration: float = 0.0) -> Inspection:
    probe = Probe("audio", "WAV", duration=duration) if duration else None
    return Inspection(probe, tuple(Finding(code, "found") for code in codes))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


MEDIA = [
    ("audio", lambda folder: wav(folder / "a.wav", 0.2, 44100, 2), ["E086"], ".sound.1.wav"),
    ("image", lambda folder: image(folder / "a.png", mode="RGBA"), ["E111"], ".E111.1.png"),
    ("image", lambda folder: image(folder / "a.jpg", mode="CMYK"), ["E115", "E109"], ".E109-E115.1.jpg"),
    ("video", lambda folder: video(folder / "a.mp4"), ["E129"], ".E129.1.mp4"),
]


@pytest.mark.parametrize(("modality", "make", "codes", "ending"), MEDIA, ids=[case[3] for case in MEDIA])
def test_a_medium_is_written_once_under_the_name_of_its_content(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    modality: str,
    make: Callable[[Path], Path],
    codes,
    ending: str,
):
    original = make(tmp_path)
    content, stamp = original.read_bytes(), original.stat().st_mtime_ns
    copy = original.with_name(f"other{original.suffix}")
    copy.write_bytes(content)
    mender = Mender(tmp_path / "media")
    made = mender.mend(modality, str(original), inspection(*codes))
    assert Path(made).is_absolute()
    assert made.endswith(ending)
    assert mender.mend(modality, str(copy), inspection(*reversed(codes))) == made
    assert files(tmp_path / "media") == [Path(made).name]
    assert (original.read_bytes(), original.stat().st_mtime_ns) == (content, stamp)
    elsewhere = Mender(tmp_path / "elsewhere").mend(modality, str(original), inspection(*codes))
    assert Path(elsewhere).read_bytes() == Path(made).read_bytes()
    # What is there is not made again, by another process neither.
    monkeypatch.setattr(mend_module, "_mend", None)
    assert Mender(tmp_path / "media").mend(modality, str(original), inspection(*codes)) == made


def test_other_wishes_and_other_recipes_are_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = str(image(tmp_path / "a.png", mode="RGBA"))
    mender = Mender(tmp_path / "media")
    made = {mender.mend("image", path, inspection(*codes)) for codes in (["E111"], ["E111", "E115"], ["E115"])}
    monkeypatch.setattr(mend_module, "VERSION", 2)
    made.add(Mender(tmp_path / "media").mend("image", path, inspection("E111")))
    assert len(made) == len(files(tmp_path / "media")) == 4


def test_the_path_does_not_lead_through_a_link(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    made = Mender(tmp_path / "link" / "media").mend("audio", str(wav(tmp_path / "a.wav")), inspection("E086"))
    assert Path(made).parent == tmp_path / "real" / "media"


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
def test_what_cannot_be_mended_is_said_each_time_and_tried_once(tmp_path: Path, modality, name, codes, code):
    for bad in ("a.png", "a.wav", "a.mp4"):
        (tmp_path / bad).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    tasks: list[Task] = []

    def work(task: Task) -> str | Finding:
        tasks.append(task)
        return mend_file(task)

    mender = Mender(tmp_path / "media", work=work)
    for _ in range(2):
        with pytest.raises(RowError) as caught:
            mender.mend(modality, str(tmp_path / name), inspection(*codes))
        assert caught.value.finding.code == code
        assert str(tmp_path / name) in caught.value.finding.what
    assert len(tasks) == 1
    assert files(tmp_path / "media") == []


def test_more_sound_than_the_header_tells_of_fills_no_disk(tmp_path: Path):
    path = str(wav(tmp_path / "a.wav", 60, 8000))
    assert Mender(tmp_path / "media", 100).mend("audio", path, inspection("E086"))
    for mender, found in (
        (Mender(tmp_path / "b"), inspection("E086", duration=1.0)),
        (Mender(tmp_path / "b", 59), inspection("E086")),
    ):
        with pytest.raises(RowError, match="more sound than"):
            mender.mend("audio", path, found)
    assert files(tmp_path / "b") == []


def test_every_code_that_a_policy_may_repair_has_a_recipe():
    recipes = frozenset[str]().union(*CODES.values())
    media = (
        catalogue.audio.CODES | catalogue.images.CODES | catalogue.video.CODES
    )  # the converters put right what is about text
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
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        made = [str(path) for path in pool.map(mend_file, tasks)]
    assert made == made[:4] * 6
    assert files(tmp_path / "media") == sorted({Path(path).name for path in made})
    for path, task in zip(made[:4], tasks, strict=False):
        alone = mend_file(task._replace(folder=tmp_path / "alone"))
        assert Path(path).read_bytes() == Path(str(alone)).read_bytes()


def test_a_kill_leaves_nothing_that_looks_whole_and_the_next_run_mends(tmp_path: Path):
    path, folder = wav(tmp_path / "a.wav", 200, 8000), tmp_path / "media"
    code = (
        "import sys; from pathlib import Path; from omnitune.media.mend import Task, mend_file; "
        "mend_file(Task('audio', sys.argv[1], frozenset({'E086'}), Path(sys.argv[2]), 1e9))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, path, folder], cwd=SCRIPTS)
    deadline = time.monotonic() + 60
    while not any(part.stat().st_size > 20_000 for part in folder.glob(".*.tmp")):
        assert process.poll() is None, "it was done before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert [name for name in files(folder) if not name.startswith(".")] == []
    made = Mender(folder).mend("audio", str(path), inspection("E086"))
    assert Path(made).stat().st_size == 44 + 2 * 16000 * 200


def test_a_task_needs_no_decoder_until_it_is_done():
    code = (
        "import sys, omnitune.media.mend; "
        "print(sorted({'av', 'PIL', 'soundfile', 'numpy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
