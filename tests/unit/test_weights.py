"""Headers, shards and finite values of safetensors files."""

import json
import struct
from pathlib import Path

import pytest
from weight_files import floats, write_raw, write_safetensors

from omnitune import weights
from omnitune.errors import PipelineError


def test_a_header_says_where_each_tensor_lies(tmp_path: Path):
    path = write_safetensors(tmp_path / "m.safetensors", {"a": floats(1, 2), "b": ("BF16", [2, 1], b"\0\0\0\0")})
    found = weights.header(path)
    assert list(found) == ["a", "b"]
    assert (found["b"].dtype, found["b"].shape, found["b"].size) == ("BF16", (2, 1), 4)
    with path.open("rb") as file:
        file.seek(found["a"].offset)
        assert struct.unpack("<2f", file.read(found["a"].size)) == (1, 2)


def entry(begin: int, end: int) -> bytes:
    return json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [begin, end]}}).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "unpack requires a buffer of 8 bytes"),
        (b"\xff" * 40, "the header is longer than the file"),
        (struct.pack("<Q", 2) + b"{!", "Expecting property name"),
        (struct.pack("<Q", 2) + b"[]", "pop expected"),
        (struct.pack("<Q", 9) + b'{"a": {}}', "dtype"),
        (struct.pack("<Q", len(entry(0, 4))) + entry(0, 4) + b"\0\0\0", "its header promises"),
        (struct.pack("<Q", len(entry(0, 4))) + entry(0, 4) + b"\0" * 5, "its header promises"),
        (struct.pack("<Q", len(entry(4, 0))) + entry(4, 0), "a tensor lies outside it"),
        (struct.pack("<Q", len(entry(-4, 0))) + entry(-4, 0), "a tensor lies outside it"),
    ],
)
def test_what_is_no_whole_file_is_refused(tmp_path: Path, content: bytes, reason: str):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(PipelineError) as refused:
        weights.header(path)
    assert str(refused.value).startswith(f"{path}: this is not a whole safetensors file: ")
    assert reason in refused.value.what
    assert refused.value.fix == "Copy or download it again."
    assert refused.value.code == 65


def test_every_cut_of_a_file_is_seen(tmp_path: Path):
    whole = write_safetensors(tmp_path / "m.safetensors", {"a": floats(1, 2), "b": floats(3)}).read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(PipelineError):
            weights.header(tmp_path / "cut")


def index(folder: Path, files: dict[str, str]) -> None:
    (folder / weights.INDEX).write_text(json.dumps({"weight_map": files}))


def test_shards_come_from_the_index_once_each_else_the_single_file(tmp_path: Path):
    write_safetensors(tmp_path / "model.safetensors", {"x": floats(0)})
    assert weights.shards(tmp_path) == [tmp_path / "model.safetensors"]
    for name in ("2.safetensors", "1.safetensors"):
        write_safetensors(tmp_path / name, {name: floats(0)})
    index(tmp_path, {"a": "2.safetensors", "b": "1.safetensors", "c": "2.safetensors"})
    assert weights.shards(tmp_path) == [tmp_path / "1.safetensors", tmp_path / "2.safetensors"]
    assert sorted(weights.tensors(tmp_path)) == ["1.safetensors", "2.safetensors"]


def test_missing_weights_are_counted_and_named(tmp_path: Path):
    with pytest.raises(PipelineError) as none:
        weights.shards(tmp_path)
    assert str(none.value) == (
        f"{tmp_path}: there are no weights (*.safetensors). Name a whole checkpoint folder."
    )
    write_safetensors(tmp_path / "1.safetensors", {})
    index(tmp_path, {"a": "1.safetensors", "b": "2.safetensors", "c": "3.safetensors"})
    with pytest.raises(PipelineError) as some:
        weights.shards(tmp_path)
    assert str(some.value) == (
        f"{tmp_path}: 2 of 3 weight files named by model.safetensors.index.json are missing, first 2.safetensors. "
        "Finish the download or copy."
    )


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"weight_map": ["a"]}', '{"weight_map": {"a": "../b"}}'])
def test_a_damaged_index_is_a_sentence(tmp_path: Path, text: str):
    (tmp_path / weights.INDEX).write_text(text)
    with pytest.raises(PipelineError, match="this is not an index of weight files"):
        weights.shards(tmp_path)


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        ("F32", struct.pack("<2f", 1, -3e38), struct.pack("<2f", 1, float("nan"))),
        ("F32", struct.pack("<2f", 1, 0), struct.pack("<2f", float("-inf"), 0)),
        ("BF16", b"\x7f\x7f\x00\x00", b"\x80\x7f\x00\x00"),
        ("F16", struct.pack("<2e", 1, 65504), struct.pack("<2e", 1, float("inf"))),
        ("F64", struct.pack("<2d", 1, 1e308), struct.pack("<2d", 1, float("nan"))),
    ],
)
def test_a_value_that_is_not_finite_is_found_in_every_kind(tmp_path: Path, dtype: str, good: bytes, bad: bytes):
    tensors = {"a": floats(0), "i": ("I64", [1], b"\xff" * 8), "b": (dtype, [2], good)}
    path = write_safetensors(tmp_path / "m.safetensors", tensors)
    assert weights.first_not_finite(path) is None
    write_safetensors(path, tensors | {"b": (dtype, [2], bad)})
    assert weights.first_not_finite(path) == "b"


def test_a_value_behind_the_first_block_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = bytes((1 << 24) + 8) + struct.pack("<f", float("nan"))
    path = write_safetensors(tmp_path / "m.safetensors", {"a": ("F32", [len(data) // 4], data)})
    assert weights.first_not_finite(path) == "a"


def test_an_empty_file_of_tensors_is_whole(tmp_path: Path):
    assert weights.header(write_raw(tmp_path / "m.safetensors", b"{}")) == {}
