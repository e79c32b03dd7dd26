"""cache_rows.py, and the real ms-swift on what it writes; tests/e2e/test_gated_rows.py trains on it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from media_files import write_jsonl
from mixed_rows import rows

from omnitune import swift_args
from omnitune.config.media import MediaConfig
from omnitune.environments import ROOT
from omnitune.media.probe import probe
from omnitune.records import encode, read_records
from omnitune.tokens.budget import MediaBudget
from omnitune.tokens.cached import Length
from omnitune.tokens.row import RowCounter, RowTokens

pytestmark = pytest.mark.swift

ENV = swift_args.media_environment(MediaConfig(image_max_pixels=204_800))
NUMBER = 24


def cache(folder: Path, lengths: str = "lengths.jsonl") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "workflow/scripts/cache_rows.py", "--rows", folder / "rows.jsonl"]
    command += ["--lengths", folder / lengths, "--output", folder / "cached"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def swift(folder: Path, command: str, *arguments: str) -> str:
    environment = {
        **os.environ, **ENV, "HF_HUB_OFFLINE": "1", "USE_HF": "1", "MODELSCOPE_CACHE": str(folder / "cache"),
        "HF_HOME": str(folder / "home"), "TOKENIZERS_PARALLELISM": "false",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", f"swift.cli.{command}", *arguments], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def place(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows of every kind and their lengths."""
    folder = tmp_path_factory.mktemp("rows")
    write_jsonl(folder / "rows.jsonl", rows(folder / "media", NUMBER, seed=5))
    records = list(read_records(folder / "rows.jsonl"))
    media = [[probe(modality, path) for modality, path in record.media()] for record in records]
    counts = RowCounter(tiny_model, MediaBudget.of(ENV)).count(records, media)
    assert all(isinstance(count, RowTokens) for count in counts)
    lengths = [Length(record.id, count.total) for record, count in zip(records, counts, strict=True)]
    (folder / "lengths.jsonl").write_bytes(b"".join(map(encode, lengths)))
    done = cache(folder)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, f"{NUMBER} rows")
    return folder


def base(model: Path) -> list[str]:
    return swift_args.command_line(swift_args.as_text(swift_args.common(str(model), "cpu")))


def test_ms_swifts_own_export_writes_the_same(place: Path, tiny_model: Path):
    from datasets import load_from_disk

    swift(
        place, "export", *base(tiny_model), "--device_map", "cpu", "--to_cached_dataset", "true", "--dataset",
        "rows.jsonl", "--split_dataset_ratio", "0", "--dataset_shuffle", "false", "--strict", "true",
        "--max_length", "20000", "--output_dir", str(place / "exported"),
    )  # fmt: skip
    ours, theirs = load_from_disk(place / "cached"), load_from_disk(place / "exported/train")
    assert ours.features == theirs.features
    assert ours.to_list() == theirs.to_list()
    names = {path.name for path in (place / "cached").iterdir()}
    assert names == {path.name for path in (place / "exported/train").iterdir()}


def test_ms_swift_packs_it_without_encoding_a_row(place: Path):
    """As far as a CPU goes: packed rows are trained on with flash attention only."""
    from datasets import load_from_disk
    from swift.dataset import LazyLLMDataset, PackingDataset

    def encode(row: dict[str, Any], **_: Any) -> dict[str, Any]:
        raise AssertionError("a row is encoded")

    class Template:
        max_length = 5000

    lengths = [json.loads(line)["tokens"] for line in (place / "lengths.jsonl").read_text().splitlines()]
    packed = PackingDataset(Template(), LazyLLMDataset(load_from_disk(place / "cached"), encode, strict=True))
    assert sorted(row for pack in packed.packed_idx for row in pack) == list(range(NUMBER))
    assert packed.packed_length == [sum(lengths[row] for row in pack) for pack in packed.packed_idx]
    assert max(packed.packed_length) <= 5000
    assert len(packed) < NUMBER


def test_an_equal_input_gives_equal_files(place: Path):
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (place / "cached").iterdir()}

    before = files()
    assert cache(place).returncode == 0
    assert files() == before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda lines: lines[:-1],
            f"line {NUMBER} has row mixed/23 but no length more. Count the rows of this file.",
        ),
        (lambda lines: [*lines, lines[0]], f"line {NUMBER + 1} has no row more but a length of mixed/0."),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "line 1 has row mixed/0 but a length of mixed/1."),
        (lambda lines: [b'{"id": 3}\n', *lines[1:]], "this is no length (Expected `str`, got `int` - at `$.id`)."),
    ],
)
def test_lengths_of_other_rows_are_refused_and_the_old_folder_stays(place: Path, change: Any, sentence: str):
    lines = (place / "lengths.jsonl").read_bytes().splitlines(keepends=True)
    (place / "other.jsonl").write_bytes(b"".join(change(lines)))
    done = cache(place, "other.jsonl")
    assert done.returncode == 65
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert (place / "cached/state.json").is_file()
    assert not list(place.glob(".cached.*"))


def test_no_rows_are_an_empty_dataset(tmp_path: Path):
    """The rows to watch may be none, and the rules do not know."""
    from datasets import load_from_disk

    (tmp_path / "rows.jsonl").touch()
    (tmp_path / "lengths.jsonl").touch()
    assert cache(tmp_path).returncode == 0
    assert len(load_from_disk(tmp_path / "cached")) == 0


def test_rows_of_which_not_every_length_is_known_are_refused(place: Path, tmp_path: Path):
    shutil.copy(place / "rows.jsonl", tmp_path)
    (tmp_path / "lengths.jsonl").touch()  # as split.py leaves it
    done = cache(tmp_path)
    assert done.returncode == 65
    assert "rows.jsonl: the lengths of these rows are not all known. Set validate.lengths: true" in done.stderr
