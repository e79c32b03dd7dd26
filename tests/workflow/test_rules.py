"""The rule files themselves: format, lint, and what they plan for each example config."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from project import Project

from omnitune.environments import ROOT

EXAMPLES = sorted((ROOT / "config/examples").glob("*.yaml"))
# docs/design.md says why: environments are locked by hash instead of conda; interpreters and limits are globals so
# that another place of the cache or a longer wait makes no result stale; the last one sees the demo's base in the
# config.
ACCEPTED = {
    "Specify a conda environment or container for each rule.:",
    "Shell command directly uses variable SCRIPTS from outside of the rule:",
    "Shell command directly uses variable SWIFT from outside of the rule:",
    "Shell command directly uses variable PYTHON from outside of the rule:",
    "Shell command directly uses variable WATCH from outside of the rule:",
    "Param source is a prefix of input or output file but hardcoded:",
}


def test_snakefmt_has_nothing_to_change() -> None:
    command = [Path(sys.executable).with_name("snakefmt"), "--check", "Snakefile", "rules"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_lint_finds_only_what_the_design_accepts() -> None:
    done = Project(ROOT).snakemake("--lint", "--configfile", "config/examples/demo.yaml")
    findings = set(re.findall(r"^ +\* (.+)$", done.stdout, re.M))
    assert findings, "the linter said nothing: has its output changed?"
    assert findings <= ACCEPTED


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_plans_the_whole_pipeline(example: Path, tmp_path: Path, copy_project) -> None:
    # demo_grpo.yaml is laid over demo.yaml.
    below = ["config/examples/demo.yaml"] if example.stem.startswith("demo_") else []
    plan = copy_project(tmp_path).plan("--configfile", *below, f"config/examples/{example.name}")
    trained = {"train_grpo"} if example.stem.startswith("grpo") else {"train_sft"}
    stages = {"inspect_model", "convert_source", "validate_source", "split_rows", "merge_model"} | trained
    assert stages | {"infer_base", "infer_model", "score_predictions", "write_report", "render_deploy"} <= set(
        plan
    )


def test_the_demo_on_a_gpu_asks_for_one_wherever_it_trains_or_infers(tmp_path: Path, copy_project) -> None:
    examples = ["config/examples/demo.yaml", "config/examples/demo_cuda.yaml"]
    plan = copy_project(tmp_path).snakemake("-n", "-p", "--resources", "gpu=1", "--configfile", *examples).stdout
    commands = {
        match[2]: match[1] for match in re.finditer(r"scripts/((?:train|infer)\.py .* --output (\S+) .*)", plan)
    }
    assert {Path(output).name for output in commands} == {"model", "infer.jsonl", "merge.jsonl"}
    assert len(commands) == 4
    assert all(re.search("--gpus 1 .*--granted 1 ", command) for command in commands.values()), commands


def test_ruff_and_mypy_have_nothing_to_say() -> None:
    tools = Path(sys.executable).parent
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]):
        done = subprocess.run(
            [tools / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
