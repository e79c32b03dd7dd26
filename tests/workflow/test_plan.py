"""plan.py over real projects: what it says, and that it leaves no trace."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from data_commands import command
from project import Project
from test_run import trainer_of

Values = dict[str, Any]


def plan(project: Project, *arguments: str, code: int = 0) -> str:
    """What plan.py prints; nothing of the project may have changed."""
    before = state(project.folder)
    done = command("plan", *arguments, cwd=project.folder)
    assert done.returncode == code, done.stdout + done.stderr
    assert state(project.folder) == before
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


def state(folder: Path) -> dict[str, tuple[int, int] | None]:
    """Every file with its size and time, and every folder."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    return {
        name: None if path.is_dir() else (path.lstat().st_size, path.lstat().st_mtime_ns)
        for name, path in found.items()
    }


def why(text: str) -> dict[str, list[str]]:
    """Stage (and experiments) -> reasons."""
    reasons: dict[str, list[str]] = {}
    for line in text.partition("Why:\n")[2].partition("\n\n")[0].splitlines():
        who, _, sentence = line.partition("  ")
        if who:
            reasons[who] = []
        reasons[who or next(reversed(reasons))].append(sentence.strip())
    return reasons


def test_nothing_is_made_yet(empty: Project) -> None:
    text = plan(empty)
    assert all(reasons == ["not made yet"] for reasons in why(text).values())
    assert "17 jobs" not in text  # `all` is no job
    assert "16 jobs, no GPU." in text
    assert not empty.path(".snakemake").exists()


def test_a_finished_run_is_one_sentence(project: Project) -> None:
    assert plan(project) == "Nothing to do: what was asked of run small is there and up to date.\n"


def test_changed_settings_are_named_and_what_follows_says_so(project: Project, values: Values) -> None:
    project.write_config({**values, "sft": {**values["sft"], "learning_rate": 2e-4}})
    reasons = why(plan(project))
    assert reasons["sft (main)"] == ["sft.learning_rate: 0.0001 -> 0.0002"]
    assert reasons["merge (main)"] == ["gets new input from sft"]
    stages = ["sft (main)", "merge (main)", "infer (main)", "score (main)", "report", "deploy (main)"]
    assert sorted(reasons) == sorted(stages)


def test_a_change_below_another_is_named_too(project: Project, values: Values) -> None:
    changed = {**values, "split": {"val": 0.1, "test": 0.3}, "sft": {**values["sft"], "epochs": 3}}
    project.write_config(changed)
    reasons = why(plan(project))
    assert reasons["split"] == ["test: 0.2 -> 0.3"]
    assert reasons["sft (main)"] == ["sft.epochs: 2.0 -> 3.0", "gets new input from split"]


def test_changed_rows_a_lost_result_and_another_source(project: Project, values: Values) -> None:
    data = project.path("data/sums.jsonl")
    data.write_text(data.read_text().replace("7 + 1 = ?", "9 + 1 = ?"))
    assert why(plan(project))["convert"][0].startswith(("changed since: data/sums.jsonl", "the source's file"))
    project.path("results/small/main/score/metrics.json").unlink()
    gone = why(plan(project))["score (main)"]
    assert "was made and is gone: results/small/main/score/metrics.json" in gone
    project.write_rows("data/more.jsonl", [{"question": "1 - 1 = ?", "answer": "0"}] * 20)
    source = {"format": "qa", "path": "data/more.jsonl", "task": "sums"}
    project.write_config({**values, "sources": {**values["sources"], "more": source}})
    split = why(plan(project))["split"]
    assert "sources.more: new" in split
    assert any(line.startswith("reads now also: results/small/validate/more/0") for line in split)


FAILED = "failed, or was cut off, the last time: make status says why"


def test_a_failed_job_was_not_made(project: Project, values: Values) -> None:
    project.write_config({**values, "sft": {**values["sft"], "swift": {"neftune_noise_alph": 5}}})
    target = "results/small/main/sft/args.json"
    assert project.snakemake(target).returncode == 1
    assert why(plan(project, target)) == {"sft (main)": [FAILED]}


def test_a_training_at_work_and_then_killed_is_told(empty: Project, values: Values) -> None:
    empty.write_config({**values, "resources": {"retries": 0}})
    snakemake = subprocess.Popen(
        empty.argv("sft"),
        cwd=empty.folder,
        env={**os.environ, "OMNITUNE_FAKE": "stall"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    supervisor = trainer_of(empty).parent()
    at_work = why(command("plan", "sft", cwd=empty.folder).stdout)
    supervisor.kill()
    snakemake.wait(timeout=60)
    assert at_work == {"sft (main)": ["began and has not finished"]}
    assert why(plan(empty, "sft")) == {"sft (main)": [FAILED]}


def test_experiments_have_rows_and_gpus_are_counted(empty: Project, values: Values) -> None:
    experiments = {"a": {}, "b": {"sft": {"learning_rate": 1e-5}}, "c": {"sft": {"gpus": 1}}}
    empty.write_config(
        {**values, "device": "cuda", "sft": {**values["sft"], "gpus": 2}, "experiments": experiments}
    )
    text = plan(empty)
    cells = {tuple(line.split()[:2]): line.split()[2:5] for line in text.splitlines() if line.startswith("sft")}
    assert cells["sft", "a"] == cells["sft", "b"] == ["2", "2", "2"]
    assert cells["sft", "c"] == ["2", "1", "1"]
    assert "the largest needs 2 GPUs; with 6 GPUs nothing would wait for one." in text
    assert "snakemake --cores all --resources gpu=2\n" in text


def test_plan_agrees_with_snakemake(project: Project, values: Values) -> None:
    project.path("config/changed.yaml").write_text(json.dumps({**values, "split": {"val": 0.1, "test": 0.3}}))
    text = plan(project, "--config", "config/changed.yaml")
    count = sum(project.plan("--configfile", "config/changed.yaml").values())
    assert f"\n{count} jobs, no GPU." in text
    assert "Run it: snakemake --cores all --configfile config/changed.yaml\n" in text


def test_a_config_laid_over_another_is_planned_as_snakemake_does(project: Project, values: Values) -> None:
    project.path("config/over.yaml").write_text("split: {test: 0.3}\n")
    configs = ("config/config.yaml", "config/over.yaml")
    text = plan(project, "data", "--config", *configs)
    assert why(text) == {"split": ["test: 0.2 -> 0.3"]}
    assert f"Run it: snakemake --cores all data --configfile {' '.join(configs)}\n" in text


@pytest.mark.parametrize("source", [None, "config/mine.yaml"])
def test_a_mistake_in_the_config_is_one_sentence(empty: Project, source: str | None) -> None:
    name = source or "config/config.yaml"
    empty.path(name).write_text("sft: {gpu: 2}\nsources: {}\n")
    told = plan(empty, *(["--config", source] if source else []), code=78)
    assert told.startswith(f"error: {name}: sft.gpu is not a setting.")


def test_what_no_rule_makes_and_a_file_that_is_not_there(empty: Project) -> None:
    assert plan(empty, "nothing", code=78).startswith("error: No rule to produce nothing")
    told = plan(empty, "--config", "config/none.yaml", code=78)
    assert told == "error: config/none.yaml: cannot be read (No such file or directory). Correct the path.\n"


def test_targets_narrow_it(empty: Project) -> None:
    text = plan(empty, "data")
    # Rows are counted by the base's tokenizer, and looked at on a page.
    assert list(why(text)) == ["model", "convert", "validate", "split"]
    assert "Run it: snakemake --cores all data\n" in text


def test_a_run_is_cleaned_and_its_plan_says_what_that_costs(project: Project) -> None:
    assert command("clean", "--run", "small", "--only", "checkpoints", "--yes", cwd=project.folder).returncode == 0
    assert not project.path("results/small/main/sft/checkpoints").exists()
    assert plan(project).startswith("Nothing to do")
    assert command("clean", "--run", "small", "--yes", cwd=project.folder).returncode == 0
    assert "16 jobs" in plan(project)
    # Snakemake's records say that all of it was there.
    assert why(plan(project))["report"] == ["was made and is gone: results/small/report.html"]
