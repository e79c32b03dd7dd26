"""docs/data-formats.md: one run converts and validates every example of it, and the records are those shown."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
import yaml
from media_files import image, video, wav
from project import Project

from omnitune.config.sources import SourceConfig
from omnitune.environments import ROOT

DOCUMENT = (ROOT / "docs/data-formats.md").read_text(encoding="utf-8")
FILES = ROOT / "tests/data/formats"
Values = dict[str, Any]


class Example(NamedTuple):
    """A source of the document."""

    name: str
    entry: Values
    records: list[Values]


def blocks() -> Iterator[tuple[str, str, str]]:
    """(the line before, language, text) of every block."""
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", DOCUMENT, re.M | re.S):
        yield DOCUMENT[: found.start()].splitlines()[-2], found[1], found[2]


def files() -> dict[str, str]:
    """Path -> content of the files that the document shows."""
    return {before[1:-2]: text for before, _, text in blocks() if re.fullmatch(r"`data/\S+`:", before)}


def examples() -> Iterator[Example]:
    entry: Values = {}
    for _, language, text in blocks():
        if language == "yaml":
            entry = yaml.safe_load(text)["sources"]
        elif language == "json" and text.startswith('{"id"') and '"source"' in text:
            ((name, values),) = entry.items()
            yield Example(name, values, [json.loads(line) for line in text.splitlines()])


EXAMPLES = list(examples())


def test_the_example_files_are_those_of_the_document() -> None:
    shown = {Path(path).name: text for path, text in files().items()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in FILES.iterdir()}
    assert kept == shown


def test_every_format_has_an_example() -> None:
    formats = get_args(SourceConfig.model_fields["format"].annotation)
    assert {example.entry["format"] for example in EXAMPLES} | {"jsonl"} == set(formats)
    assert DOCUMENT.count("\n```yaml\n") == len(EXAMPLES) == len({example.name for example in EXAMPLES})


@pytest.fixture(scope="module")
def converted(values: Values, copy_project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose data stages have run on all examples at once."""
    project: Project = copy_project(tmp_path_factory.mktemp("formats"))
    data = project.path("data")
    for path, size in (("1.png", 28), ("2.png", 30), ("talks/day1/ada.png", 32)):
        image(data / path, (size, size))
    for path, seconds in (("a.wav", 0.1), ("b.wav", 0.2), ("talks/day1/ada.wav", 0.3)):
        wav(data / path, seconds)
    video(data / "v.mp4", sound=True)
    for path in files():
        project.path(path).write_bytes((FILES / Path(path).name).read_bytes())
    for _, language, text in blocks():
        if language == "python":
            subprocess.run(
                [sys.executable, "-c", text],
                cwd=project.folder,
                env={"PYTHONPATH": "workflow/scripts"},
                check=True,
            )
    sources = {example.name: example.entry for example in EXAMPLES}
    # Several forms say the same.
    split = {**values["split"], "duplicates": "keep"}
    project.write_config({**values, "run": "formats", "sources": sources, "split": split, "score": {}})
    done = project.snakemake("data")
    assert done.returncode == 0, done.stdout
    return project


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_records_are_those_of_the_document(converted: Project, example: Example) -> None:
    text = converted.path(f"results/formats/validate/{example.name}/0.jsonl").read_text(encoding="utf-8")
    text = text.replace(str(converted.folder.resolve()), "/srv/omnitune")
    text = re.sub(r"[0-9a-f]{64}\.sound", "SHA256.sound", text)
    found = [json.loads(line) for line in text.splitlines()]
    # What was measured of the media is another matter.
    assert [{**row, "facts": None} for row in found] == [{**row, "facts": None} for row in example.records]


def test_every_row_of_every_format_has_its_verdict(converted: Project) -> None:
    ledger = converted.rows("results/formats/split/ledger.jsonl")
    found = {
        name: [row["line"] for row in ledger if row["source"] == name] for name in {r["source"] for r in ledger}
    }
    assert found == {example.name: [row["line"] for row in example.records] for example in EXAMPLES}
    # All examples are about the same media, and some are for the test alone.
    codes = {row["source"]: [code for code in row["codes"] if code != "E206"] for row in ledger}
    assert {name: found for name, found in codes.items() if found} == {"films": ["E210"], "list": ["E059"]}
    assert {row["verdict"] for row in ledger if "E206" not in row["codes"]} <= {"accepted", "repaired"}


def test_a_file_of_a_folder_makes_its_source_stale(converted: Project) -> None:
    def plan() -> dict[str, int]:
        planned = converted.plan("data")
        return {rule: count for rule, count in planned.items() if rule == "convert_source"}

    assert plan() == {}
    text = converted.path("data/talks/day1/ada.txt")
    before, time = text.read_text(), text.stat()
    text.write_text("good evening, all\n")
    assert plan() == {"convert_source": 1}
    text.write_text(before)
    os.utime(text, ns=(time.st_atime_ns, time.st_mtime_ns))
    assert plan() == {}
    added = wav(converted.path("data/talks/day2/bob.wav"))
    assert plan() == {"convert_source": 1}
    added.unlink()
    added.parent.rmdir()
