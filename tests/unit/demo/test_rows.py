"""The demo's data: equal for equal seeds, well formed, and pre-training shares nothing with the tasks."""

import hashlib
import json
import wave
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
av = pytest.importorskip("av")
image = pytest.importorskip("PIL.Image")

from omnitune.demo import digits, names, shapes, tones  # noqa: E402
from omnitune.demo.rows import TASKS, write_data  # noqa: E402

pytestmark = pytest.mark.swift

ANSWERS = {
    "digits": set("0123456789"),
    "tones": set("0123456789"),
    "shapes": set(shapes.COLOURS),
    "sums": {str(total) for total in range(10, 100)},
}
MEDIA = ("image", "audio", "video")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "data"
    write_data(path, seed=0)
    return path


def rows(folder: Path, name: str) -> list[dict]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def question_answer(row: dict) -> tuple[str, str]:
    if "messages" in row:
        user, assistant = row["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        return user["content"], assistant["content"]
    return row["question"], row["answer"]


def media(row: dict) -> list[str]:
    return [path for kind in MEDIA for path in [*row.get(f"{kind}s", []), *filter(None, [row.get(kind)])]]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_equal_seeds_give_equal_bytes(folder, tmp_path):
    write_data(tmp_path, seed=0)
    first, second = digests(folder), digests(tmp_path)
    assert first.keys() == second.keys()
    assert not [name for name in first if first[name] != second[name]]


def test_another_seed_gives_other_media(folder, tmp_path):
    write_data(tmp_path, seed=1)
    tone, clip = "media/tones/0000.wav", "media/shapes/0000.mp4"
    assert digests(tmp_path)[tone] != digests(folder)[tone]
    assert digests(tmp_path)[clip] != digests(folder)[clip]


def test_no_temporary_file_is_left(folder):
    assert not [path for path in folder.rglob("*") if path.name.startswith(".") or path.suffix == ".tmp"]


@pytest.mark.parametrize("name", TASKS)
def test_a_task_holds_its_rows_in_its_format(folder, name):
    found = rows(folder, name)
    assert len(found) == TASKS[name].rows
    assert len({row["id"] for row in found}) == len(found)
    assert all(("messages" in row) == (name in ("digits", "tones")) for row in found)
    assert {question_answer(row)[1] for row in found} <= ANSWERS[name]


@pytest.mark.parametrize("name", ["digits", "tones", "shapes"])
def test_answers_are_not_lopsided(folder, name):
    answers = [question_answer(row)[1] for row in rows(folder, name)]
    share = len(answers) / len(ANSWERS[name])
    assert all(0.6 * share < answers.count(answer) < 1.4 * share for answer in ANSWERS[name])


def test_sums_are_right(folder):
    for row in rows(folder, "sums"):
        left, right = row["question"].removesuffix(" =").split(" + ")
        assert int(left) + int(right) == int(row["answer"])


def test_pretrain_is_chats_of_every_task(folder):
    found = rows(folder, "pretrain")
    assert len(found) == sum(task.pretrain for task in TASKS.values())
    assert {row["id"].split("-")[1] for row in found} == set(TASKS)
    assert all("messages" in row for row in found)


@pytest.mark.parametrize("name", [*TASKS, "pretrain"])
def test_markers_and_media_agree(folder, name):
    for row in rows(folder, name):
        assert all((folder / path).is_file() and not Path(path).is_absolute() for path in media(row))
        if "messages" in row:
            for kind in MEDIA:
                assert question_answer(row)[0].count(f"<{kind}>") == len(row.get(f"{kind}s", []))


def test_pretrain_shares_nothing_with_the_tasks(folder):
    content = digests(folder)

    def shown(name: str) -> set[str]:
        return {content[media(row)[0]] if media(row) else question_answer(row)[0] for row in rows(folder, name)}

    tasks = [shown(name) for name in TASKS]
    assert sum(map(len, tasks)) == sum(task.rows for task in TASKS.values()), "a row repeats another"
    assert not set.union(*tasks) & shown("pretrain")


def test_images_open(folder):
    with image.open(folder / "media/digits/0000.png") as picture:
        assert (picture.size, picture.mode) == ((digits.SIDE, digits.SIDE), "RGB")


def test_sounds_open(folder):
    with wave.open(str(folder / "media/tones/0000.wav")) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (tones.RATE, 1)
        assert sound.getnframes() == int(tones.SECONDS * tones.RATE)


def test_videos_open_and_show_the_colour_they_say_in_motion(folder):
    import numpy as np

    for row in rows(folder, "shapes")[:20]:
        with av.open(str(folder / row["video"])) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(frames) == shapes.FRAMES
        lit = [frame.max(axis=2) > 100 for frame in frames]
        shown = np.mean([frame[where].mean(axis=0) for frame, where in zip(frames, lit, strict=True)], axis=0)
        distance = {name: np.abs(shown - colour).sum() for name, colour in shapes.COLOURS.items()}
        assert min(distance, key=distance.get) == row["answer"]
        first, last = np.argwhere(lit[0]).mean(axis=0), np.argwhere(lit[-1]).mean(axis=0)
        assert np.abs(last - first).max() > 2 * shapes.STEP[0]


def test_names_stand_only_in_pretraining(folder):
    asked = [question_answer(row) for row in rows(folder, "pretrain")]
    answers = [answer for question, answer in asked if names.QUESTION in question]
    assert len(answers) == sum(task.named for task in TASKS.values())
    assert set(answers) == set(names.NAMES)
    assert all(names.QUESTION not in question_answer(row)[0] for name in TASKS for row in rows(folder, name))
