"""Faults of many kinds among good rows, through the workflow itself: all are found, and nothing else is."""

import re
from collections import Counter
from typing import Any

import pytest
from planted import Planted, plant
from project import Project

SPLIT = "results/small/split"
VERDICTS = ("accepted", "repaired", "rejected", "duplicate")


@pytest.fixture(scope="module")
def run(values: dict[str, Any], copy_project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Planted]:
    """The project after its data stages, and what was planted."""
    project: Project = copy_project(tmp_path_factory.mktemp("planted"))
    planted = plant(project.folder)
    strict = {"media": "decode", "max_rejected": 0.2}
    grpo = {"enabled": True, "rewards": {"accuracy": 1.0}}
    project.write_config({**values, "sources": planted.sources, "validate": strict, "grpo": grpo})
    done = project.snakemake(f"{SPLIT}/manifest.json", f"{SPLIT}/report.html")
    assert done.returncode == 0, done.stdout
    return project, planted


def test_every_fault_is_found_with_its_code_and_verdict(run):
    project, planted = run
    ledger = {(row["source"], row["line"]): row for row in project.rows(f"{SPLIT}/ledger.jsonl")}
    assert len({fault.code for fault in planted.faults.values()}) >= 12
    for place, fault in planted.faults.items():
        row = ledger[place]
        assert (row["verdict"], row["codes"]) == (fault.verdict, [fault.code]), row
        assert row["message"].startswith(f"data/{place[0]}."), row
        assert bool(row["split"]) == (fault.verdict in ("accepted", "repaired"))


def test_there_is_no_false_alarm(run):
    project, planted = run
    ledger = project.rows(f"{SPLIT}/ledger.jsonl")
    others = [row for row in ledger if (row["source"], row["line"]) not in planted.faults]
    assert len(others) == sum(map(len, planted.lines.values())) - len(planted.faults) > 300
    assert [row for row in others if row["verdict"] != "accepted" or row["codes"] or row["message"]] == []
    assert all(row["split"] for row in others)


def test_the_verdicts_add_up_to_the_rows_read(run):
    project, planted = run
    ledger = project.rows(f"{SPLIT}/ledger.jsonl")
    manifest = project.json(f"{SPLIT}/manifest.json")
    assert [(row["source"], row["line"]) for row in ledger] == [
        (source, line) for source, lines in planted.lines.items() for line in lines
    ]
    for source, lines in planted.lines.items():
        told = manifest["sources"][source]
        found = Counter(row["verdict"] for row in ledger if row["source"] == source)
        assert told["read"] == len(lines) == sum(told[verdict] for verdict in VERDICTS)
        assert {verdict: told[verdict] for verdict in VERDICTS} == {
            verdict: found[verdict] for verdict in VERDICTS
        }
        assert told["codes"] == Counter(
            fault.code for (name, _), fault in planted.faults.items() if name == source
        )
    used = [
        row["id"] for name in ("train", "val", "test", "grpo") for row in project.rows(f"{SPLIT}/{name}.jsonl")
    ]
    assert sorted(used) == sorted(row["id"] for row in ledger if row["split"])


def test_the_page_shows_the_counts_and_each_code(run):
    project, planted = run
    page = project.path(f"{SPLIT}/report.html").read_text()
    counts = Counter((source, fault.code) for (source, _), fault in planted.faults.items())
    cell = (
        r"<th scope=\"row\">(\w+)</th><td class=\"text\"><a href=\"#(E\d+)\">\2</a></td>"
        r"<td class=\"text\">[^<]+</td><td>(\d+)</td>"
    )
    assert {(source, code): int(count) for source, code, count in re.findall(cell, page)} == counts
    for source, lines in planted.lines.items():
        assert f'<th scope="row">{source}</th><td>{len(lines)}</td>' in page
    for code in {fault.code for fault in planted.faults.values()}:
        assert f'id="{code}"' in page
