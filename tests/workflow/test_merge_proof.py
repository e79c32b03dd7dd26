"""The proof of the merge in the pipeline: what goes on waits for it, and a model that fails it goes nowhere."""

import json
from typing import Any

from project import Project

Values = dict[str, Any]
PARITY = "results/small/main/merge/parity.json"


def test_the_proof_is_made_of_rows_of_val_and_told_on_the_page(finished: Project) -> None:
    verdict = finished.json(PARITY)
    val = {row["id"] for row in finished.rows("results/small/split/val.jsonl")}
    assert len(verdict["rows"]) == 4
    assert {row["id"] for row in verdict["rows"]} <= val
    assert verdict["model"] == finished.json("results/small/main/merge/model/manifest.json")["run_key"]
    assert (
        "asked 4 rows and gave 4 answers to the letter" in finished.path("results/small/report.html").read_text()
    )
    assert not finished.path("results/small/main/merge/.parity").exists()


def test_a_model_that_answers_otherwise_is_used_by_nothing(project: Project, values: Values) -> None:
    project.write_config(json.loads(json.dumps(values)) | {"merge": {"parity_rows": 3}})
    for made in (PARITY, "results/small/main/infer/merge.jsonl", "results/small/main/deploy/args.json"):
        project.path(made).unlink()
    done = project.snakemake(OMNITUNE_FAKE="unlike")
    assert done.returncode == 1
    log = project.path("logs/small/main/check_merge.log").read_text()
    assert "it does not answer as what it was merged from: 3 of 3 rows differ, first sums/" in log
    assert "Do not use this model." in log
    assert project.json("logs/small/main/check_merge.swift.verdict.json")["code"] == 70
    for made in (PARITY, "results/small/main/infer/merge.jsonl", "results/small/main/deploy/args.json"):
        assert not project.path(made).exists(), made
    done = project.snakemake()
    assert done.returncode == 0, done.stdout
    assert len(project.json(PARITY)["rows"]) == 3


def test_without_a_proof_nothing_waits(project: Project, values: Values) -> None:
    project.write_config(json.loads(json.dumps(values)) | {"merge": {"parity_rows": 0}})
    project.path(PARITY).unlink()
    assert "check_merge" not in project.plan()


def test_an_adapter_of_another_run_is_trained_on(project: Project, values: Values) -> None:
    adapter = "results/small/main/sft/model"
    changed = json.loads(json.dumps(values)) | {"run": "onward"}
    changed["sft"] = {**changed["sft"], "resume_adapter": adapter}
    project.write_config(changed)
    done = project.snakemake("sft")
    assert done.returncode == 0, done.stdout
    assert project.json("results/onward/main/sft/args.json")["adapters"] == [adapter]
    key = project.json("results/onward/main/sft/checkpoints/runkey.json")
    assert f"input {adapter}/manifest.json" in key
    assert "warning: " not in project.path("logs/onward/main/render_sft.log").read_text()

    manifest = project.json(f"{adapter}/manifest.json")
    project.path(f"{adapter}/manifest.json").write_text(json.dumps(manifest | {"base_weights": "another"}))
    done = project.snakemake("sft")
    assert "the adapter was trained on other weights than those of model.path" in done.stdout
    project.path(f"{adapter}/manifest.json").write_text(json.dumps(manifest))

    changed["sft"]["lora"] = {"rank": 4}
    project.write_config(changed)
    done = project.snakemake("sft")
    assert "sft.resume_adapter: the adapter's rank is 8, and sft.lora.rank is 4." in done.stdout
