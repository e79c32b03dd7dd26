"""What the Slurm profile asks for per rule, from a dry run: no daemon is needed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import Project

from omnitune.environments import ROOT

Values = dict[str, Any]
PROFILE = ROOT / "profiles/slurm/config.yaml"

# Prints what the rules themselves declare, without the defaults of a profile.
RULES = """
import json, logging, sys
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.settings import types
with SnakemakeApi(types.OutputSettings(dryrun=True, log_level_override=logging.ERROR)) as api:
    workflow = api.workflow(
        resource_settings=types.ResourceSettings(cores=1),
        config_settings=types.ConfigSettings(configfiles=[Path(sys.argv[1])]),
    )._workflow
    print(json.dumps({
        rule.name: {"resources": list(rule.resources), "local": rule.norun or rule.name in workflow._localrules,
                    "target": rule.norun, "retries": rule._restart_times,
                    "log": bool(rule.log)}
        for rule in workflow.rules
    }))
"""


@pytest.fixture(scope="session")
def with_plugin(tmp_path_factory: pytest.TempPathFactory) -> Values:
    """An environment in which snakemake finds the Slurm executor, as after `make slurm`."""
    folder = tmp_path_factory.mktemp("slurm_plugin")
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", sys.executable]
    command += ["--target", folder, "-r", ROOT / "envs/slurm.lock.txt"]
    subprocess.run(command, check=True)
    return {**os.environ, "PYTHONPATH": str(folder)}


def dry_run(project: Project, environment: Values, *arguments: str) -> dict[str, list[dict[str, str]]]:
    """rule -> resources of each of its jobs."""
    command = [sys.executable, "-m", "snakemake", "-n", "--profile", "profiles/slurm", *arguments]
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "profiles/default" in output  # its keys count besides
    jobs: dict[str, list[dict[str, str]]] = {}
    for rule, block in re.findall(r"^(?:local)?rule (\w+):\n((?: .*\n)+)", output, re.M):
        if found := re.search(r"^    resources: (.*)$", block, re.M):
            jobs.setdefault(rule, []).append(dict(part.split("=", 1) for part in found[1].split(", ")))
    return jobs


def test_each_rule_asks_for_its_gpus_memory_and_time(empty: Project, values: Values, with_plugin: Values) -> None:
    experiments = {"a": {}, "b": {"sft": {"gpus": 4}}}
    sizes = {"train_mem_gib": 200, "infer_mem_gib": 100, "runtime_hours": 5}
    sft = {**values["sft"], "gpus": 2, "effective_batch": 16}
    empty.write_config(
        {**values, "device": "cuda", "sft": sft, "experiments": experiments}
        | {"infer": {**values["infer"], "gpus": 1}, "resources": sizes}
    )
    jobs = dry_run(empty, with_plugin)
    assert sorted(job["gpu"] for job in jobs["train_sft"]) == ["2", "4"]
    assert {(job["mem_mb"], job["runtime"]) for job in jobs["train_sft"]} == {("204800", "300")}
    for rule in ("infer_base", "infer_model"):
        assert {(job["gpu"], job["mem_mb"], job["runtime"]) for job in jobs[rule]} == {("1", "102400", "300")}
    for rule, found in jobs.items():
        if rule == "all":
            continue
        for job in found:
            assert int(job["mem_mb"]) >= 1000, rule
            assert int(job["runtime"]) >= 30, rule
            assert (job["nodes"], job["slurm_extra"]) == ("1", "--signal=TERM@120"), rule
            assert "gpu" not in job or rule in ("train_sft", "check_merge", "infer_base", "infer_model")


def test_on_a_cpu_no_gpu_is_asked_for(empty: Project, with_plugin: Values) -> None:
    assert {job.get("gpu", "0") for found in dry_run(empty, with_plugin).values() for job in found} == {"0"}


def test_each_rule_declares_memory_time_and_log_and_only_targets_are_local() -> None:
    command = [sys.executable, "-c", RULES, "config/examples/demo.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rules = json.loads(done.stdout)
    assert {"all", "train_sft", "demo_pretrain"} <= set(rules)
    for name, rule in rules.items():
        assert rule["local"] == rule["target"], name
        # Whoever is tried again knows its attempt, by which it refuses one without hope.
        assert (rule["retries"] == 2) == ("attempt" in rule["resources"]), name
        if not rule["target"]:
            assert {"mem_mb", "runtime"} <= set(rule["resources"]), name
            assert rule["log"], name


def test_every_key_is_explained() -> None:
    lines = PROFILE.read_text().splitlines()
    keys = yaml.safe_load(PROFILE.read_text())
    assert "resources" not in keys
    for number, line in enumerate(lines):
        if re.match(r" *[a-z_-]+:", line):
            assert lines[number - 1].lstrip().startswith("#"), line


def test_the_profiles_keys_are_those_of_the_installed_plugin(with_plugin: Values) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--help"], env=with_plugin, capture_output=True, text=True, check=True
    )
    for key in yaml.safe_load(PROFILE.read_text()):
        assert f"--{key}" in done.stdout, key


def test_profiles_are_folders_with_a_config() -> None:
    for folder in Path(ROOT / "profiles").iterdir():
        assert (folder / "config.yaml").is_file()
