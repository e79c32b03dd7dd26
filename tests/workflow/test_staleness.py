"""Change one thing in a finished run: exactly these rules are planned again."""

import json
import shutil
from typing import Any

import pytest
from project import Project

Values = dict[str, Any]
AFTER_SFT = {
    *(
        "train_sft",
        "merge_model",
        "check_merge",
        "render_infer",
        "infer_model",
        "score_predictions",
        "write_report",
    ),
    "render_deploy",
}
SPLIT = {"split_rows", "report_data"}
VALIDATE = {"validate_source", *SPLIT}
DATA = {"convert_source", *VALIDATE}
INFER_BASE = {"render_infer_base", "infer_base"}
SCORE = {"score_predictions", "write_report"}


def test_nothing_changed_plans_nothing(finished: Project) -> None:
    assert finished.plan() == {}


def with_(values: Values, path: str, value: Any) -> Values:
    """A deep copy of the config with one key set."""
    changed = json.loads(json.dumps(values))
    section = changed
    *parents, last = path.split(".")
    for name in parents:
        section = section.setdefault(name, {})
    section[last] = value
    return changed


@pytest.mark.parametrize(
    ("key", "value", "rules"),
    [
        ("sft.learning_rate", 2.0e-4, {"render_sft", *AFTER_SFT}),
        ("sft.group_by_length", True, {"cache_rows", "render_sft", *AFTER_SFT}),
        ("sft.freeze_audio", False, {"render_sft", *AFTER_SFT}),
        ("sft.lora", {"dropout": 0, "experts": True}, {"render_sft", *AFTER_SFT}),
        # What the proof says is told; what is answered does not depend on it.
        ("merge.parity_rows", 8, {"check_merge", "write_report"}),
        ("sft.swift", {"neftune_noise_alpha": 5}, {"render_sft", *AFTER_SFT}),
        ("sft.publish", "best", {"render_sft", *AFTER_SFT}),
        # Snakemake plans it; the run key then finds the model made already.
        ("sft.on_oom", "shrink", AFTER_SFT),
        ("sft.on_not_finite", "retry", AFTER_SFT),
        ("score.tasks", {"sums": ["exact_match", "cer"]}, SCORE),
        ("infer.max_new_tokens", 9, {*INFER_BASE, "render_infer", "infer_model", "render_deploy", *SCORE}),
        ("deploy.port", 8001, {"render_deploy"}),
        ("envs.swift", "elsewhere", {"render_deploy"}),
        # Media of another size are other lengths, which rows are judged by.
        ("media.image_max_pixels", 500000, {*VALIDATE, "render_sft", *AFTER_SFT, *INFER_BASE}),
        ("sft.max_length", 2000, {*VALIDATE, "render_sft", *AFTER_SFT, *INFER_BASE}),
        # No row of this run may become a prompt.
        ("grpo.max_length", 2000, set()),
        ("split.seed", 18, {*SPLIT, "render_sft", *AFTER_SFT, *INFER_BASE}),
        ("split.duplicates", "keep", {*SPLIT, "render_sft", *AFTER_SFT, *INFER_BASE}),
        ("validate.max_rejected", 0.5, {*SPLIT, "render_sft", *AFTER_SFT, *INFER_BASE}),
        ("sources.sums.max_rows", 90, {*DATA, "render_sft", *AFTER_SFT, *INFER_BASE}),
        ("sources.sums.system", "Be brief.", {*DATA, "render_sft", *AFTER_SFT, *INFER_BASE}),
        ("sources.sums.columns", {"key": "id"}, {*DATA, "render_sft", *AFTER_SFT, *INFER_BASE}),
        ("sources.sums.extract_audio", True, {*DATA, "render_sft", *AFTER_SFT, *INFER_BASE}),
        ("sources.sums.shards", 2, {*DATA, "render_sft", *AFTER_SFT, *INFER_BASE}),
        ("sources.sums.use", ["eval", "sft"], {*VALIDATE, "render_sft", *AFTER_SFT, *INFER_BASE}),
        ("infer.stages", ["base", "sft", "merge"], {"render_infer", "infer_model", *SCORE}),
        ("resources.gpu_memory_gib", 40, set()),
    ],
)
def test_a_changed_key_plans_what_depends_on_it(
    finished: Project, values: Values, key: str, value: Any, rules: set[str]
) -> None:
    finished.path("config/changed.yaml").write_text(json.dumps(with_(values, key, value)))
    assert set(finished.plan("--configfile", "config/changed.yaml")) == rules


def test_another_source_plans_its_own_conversion_and_what_depends_on_it(project: Project, values: Values) -> None:
    rows = [{"question": f"{n} - 1 = ?", "answer": str(n - 1)} for n in range(40)]
    project.write_rows("data/differences.jsonl", rows)
    source = {"format": "qa", "path": "data/differences.jsonl", "task": "sums"}
    project.write_config(with_(values, "sources.differences", source))
    plan = project.plan()
    assert set(plan) == {*DATA, "render_sft", *AFTER_SFT, *INFER_BASE}
    assert (plan["convert_source"], plan["validate_source"]) == (1, 1)


def test_a_foreign_adapter_that_is_trained_on_counts_by_content(project: Project, values: Values) -> None:
    adapter = project.path("data/adapter")
    adapter.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy(project.path(f"results/small/main/sft/model/{name}"), adapter)
    project.write_config(with_(values, "sft.resume_adapter", "data/adapter"))
    assert set(project.plan()) == {"render_sft", *AFTER_SFT}


def test_an_experiment_shares_data_and_base(finished: Project, values: Values) -> None:
    experiments = {"main": {}, "fast": {"sft": {"learning_rate": 3e-4}}}
    finished.path("config/changed.yaml").write_text(json.dumps(with_(values, "experiments", experiments)))
    plan = finished.plan("--configfile", "config/changed.yaml")
    assert set(plan) == {"render_sft", *AFTER_SFT}
    assert plan["train_sft"] == 1


def test_a_comment_in_any_code_file_plans_nothing(project: Project) -> None:
    for path in project.folder.glob("workflow/scripts/**/*.py"):
        with path.open("a") as file:
            file.write("# a comment\n")
    assert project.plan() == {}


def test_touched_files_plan_nothing(project: Project) -> None:
    for path in [project.path("data/sums.jsonl"), *project.folder.glob("rules/*.smk")]:
        path.touch()
    assert project.plan() == {}


def test_without_snakemakes_records_nothing_is_trained_again(project: Project, values: Values) -> None:
    shutil.rmtree(project.path(".snakemake"))
    assert project.plan() == {}
    # Even when everything is forced, finished models and answers are recognised by their run keys.
    done = project.snakemake("--forceall", OMNITUNE_FAKE="fail")
    assert done.returncode == 0, done.stdout
    for log in ("main/train_sft", "main/merge_model", "base/infer", "main/infer.merge"):
        assert "is finished and made from the same inputs" in project.path(f"logs/small/{log}.log").read_text(), (
            log
        )


def test_a_damaged_model_is_not_taken_for_finished(project: Project) -> None:
    adapter = project.path("results/small/main/sft/model/adapter_model.safetensors")
    original = adapter.read_bytes()
    adapter.unlink()  # a hard link: the checkpoint keeps its bytes
    adapter.write_bytes(original[:-1] + b"\0")
    done = project.snakemake("--force", "results/small/main/sft/model/manifest.json")
    assert done.returncode == 0, done.stdout
    assert adapter.read_bytes() == original


def test_changed_data_with_equal_size_and_time_is_noticed(project: Project) -> None:
    import os

    data = project.path("data/sums.jsonl")
    before = data.stat()
    data.write_text(data.read_text().replace("7 + 1 = ?", "9 + 1 = ?"))
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "convert_source" in project.plan()
