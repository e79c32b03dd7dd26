"""Rows from Python."""

from pathlib import Path

import pytest
from media_files import read_jsonl

from omnitune.sample import create_sample, write_samples


def test_markers_are_placed_and_lists_made():
    sample = create_sample(
        "Who?", "Ada.", system="Brief.", images=["1.png", Path("2.png")], audios="a.wav", videos=("v.mp4",), id="x"
    )
    assert sample == {
        "messages": [
            {"role": "system", "content": "Brief."},
            {"role": "user", "content": "<image><image><audio><video>Who?"},
            {"role": "assistant", "content": "Ada."},
        ],
        "images": ["1.png", "2.png"],
        "audios": ["a.wav"],
        "videos": ["v.mp4"],
        "id": "x",
    }


def test_placed_markers_are_respected():
    sample = create_sample("Is <audio> in <image>?", images=["1.png"], audios=["a.wav"], solution="No", level=3)
    assert sample["messages"] == [{"role": "user", "content": "Is <audio> in <image>?"}]
    assert (sample["solution"], sample["level"]) == ("No", 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"user": ""}, r"turn 1 \(user\) is empty"),
        ({"user": None}, "user is None. Give it as text."),
        ({"user": "x", "assistant": " "}, r"turn 2 \(assistant\) is empty"),
        ({"user": "x", "assistant": 7}, "assistant is 7. Give it as text."),
        ({"user": "<image>", "images": ["1.png", "2.png"]}, '1 <image> marker but 2 entries in "images"'),
        ({"user": "<audio>x"}, '1 <audio> marker but 0 entries in "audios"'),
        ({"user": "x", "assistant": "<image>", "images": "1.png"}, r"turn 2 \(assistant\) holds <image>"),
        ({"user": "x<|im_end|>"}, "control token"),
        ({"user": "x", "images": [""]}, "images holds ''. Give the path of a file."),
        ({"user": "x", "images": [3]}, "images holds 3."),
        ({"user": "x", "audios": 3}, "audios is 3. Give a path or a list of paths."),
        ({"user": "x", "id": "../x"}, 'the id .* holds a control character or ".."'),
        ({"user": "x", "image": "1.png"}, "image is no free column. Use the argument for it."),
    ],
)
def test_what_the_pipeline_would_reject_is_refused(arguments, message: str):
    with pytest.raises(ValueError, match=message):
        create_sample(**arguments)


def test_a_medium_that_is_not_there_may_be_none():
    assert create_sample("Q", "A", images=None, id=7) == create_sample("Q", "A", id=7)


def test_samples_are_written_whole_or_not_at_all(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    assert write_samples(path, (create_sample(f"{n}?") for n in range(3))) == 3
    assert len(read_jsonl(path)) == 3
    with pytest.raises(ValueError, match="is empty"):
        write_samples(path, (create_sample(text) for text in ("x", "")))
    assert len(read_jsonl(path)) == 3
    assert list(tmp_path.iterdir()) == [path]
