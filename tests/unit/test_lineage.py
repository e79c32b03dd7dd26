"""Which model follows which, for every way through sft and grpo."""

from typing import Any

import pytest

from omnitune.config.experiments import Experiment
from omnitune.config.grpo import GrpoConfig
from omnitune.config.merge import MergeConfig
from omnitune.config.sft import SftConfig
from omnitune.lineage import Lineage

BASE = "results/r/model"
OWN = "results/r/main"


def lineage(sft: dict[str, Any], grpo: dict[str, Any] | None, merge: bool = True) -> Lineage:
    experiment = Experiment(
        name="main",
        sft=SftConfig(**sft),
        grpo=GrpoConfig(**{"enabled": grpo is not None, **(grpo or {})}),
        merge=MergeConfig(enabled=merge),
    )
    return Lineage("r", {"main": experiment})


@pytest.mark.parametrize(
    ("sft", "grpo", "policy", "adapter", "merged_from"),
    [
        ({}, None, None, None, (BASE, f"{OWN}/sft/model")),
        ({"tuner": "full"}, None, None, None, (BASE, f"{OWN}/sft/model")),
        ({}, {}, BASE, [f"{OWN}/sft/model"], (BASE, f"{OWN}/grpo/model")),
        ({"tuner": "full"}, {}, f"{OWN}/grpo/start", [], (f"{OWN}/grpo/start", f"{OWN}/grpo/model")),
        ({}, {"tuner": "full"}, f"{OWN}/grpo/start", [], (f"{OWN}/grpo/start", f"{OWN}/grpo/model")),
        ({}, {"start_from": "base"}, BASE, [], (BASE, f"{OWN}/grpo/model")),
        ({"enabled": False}, {"start_from": "base"}, BASE, [], (BASE, f"{OWN}/grpo/model")),
    ],
)
def test_the_final_model_is_what_was_trained_last_on_what_it_was_trained_on(
    sft, grpo, policy, adapter, merged_from
):
    found = lineage(sft, grpo)
    assert found.merged_from("main") == tuple(f"{folder}/manifest.json" for folder in merged_from)
    if grpo is not None:
        assert (found.policy("main"), found.policy_adapter("main")) == (policy, adapter)
        folders = [policy, *adapter]
        assert found.policy_manifests("main") == [f"{folder}/manifest.json" for folder in folders]


def test_an_adapters_answers_depend_on_what_it_lies_on():
    found = lineage({}, {})
    assert found.answering("main", "grpo") == [f"{OWN}/grpo/model/manifest.json", f"{BASE}/manifest.json"]
    assert found.answering("main", "sft") == [f"{OWN}/sft/model/manifest.json", f"{BASE}/manifest.json"]
    assert found.answering("main", "merge") == [f"{OWN}/merge/model/manifest.json"]
    assert lineage({"tuner": "full"}, {}).beneath("main", "grpo") == f"{OWN}/grpo/start"


def test_answers_are_those_that_are_made():
    stages = ["base", "sft", "grpo", "merge"]
    assert list(lineage({}, {}).answers("main", stages)) == stages
    assert list(lineage({}, None).answers("main", stages)) == ["base", "sft", "merge"]
    assert list(lineage({"tuner": "full"}, {}).answers("main", stages)) == ["base", "grpo", "merge"]
    assert list(lineage({}, {}, merge=False).answers("main", ["sft", "merge"])) == ["sft"]


def test_what_is_trained_merged_served_and_reported():
    found = lineage({}, {})
    assert found.trained() == [f"{OWN}/sft/model/manifest.json", f"{OWN}/grpo/model/manifest.json"]
    assert found.trained("grpo") == [f"{OWN}/grpo/model/manifest.json"]
    assert found.final() == [f"{OWN}/merge/model/manifest.json"]
    assert found.served() == [f"{OWN}/deploy/args.json"]
    assert found.reported() == [
        {"name": "main", "metrics": f"{OWN}/score/metrics.json"}
        | {stage: f"{OWN}/{stage}/model" for stage in ("sft", "grpo", "merge")}
        | {"parity": f"{OWN}/merge/parity.json", "rewards": f"{OWN}/grpo/rewards.json"}
    ]
    unmerged = lineage({}, None, merge=False)
    assert unmerged.final() == unmerged.served() == unmerged.proofs() == []
    assert list(unmerged.reported()[0]) == ["name", "metrics", "sft"]


def test_a_merge_is_proved_where_it_is_asked_for():
    asked = lineage({}, None).experiments["main"]
    unasked = asked.model_copy(update={"merge": MergeConfig(parity_rows=0)})
    found = Lineage("r", {"a": asked, "b": unasked})
    assert found.proofs() == found.proofs("a") == ["results/r/a/merge/parity.json"]
    assert found.proofs("b") == []


def test_what_grpo_starts_from_is_proved_where_it_is_merged():
    found = lineage({"tuner": "full"}, {})
    trial = f"{OWN}/grpo/rewards.json"
    assert found.grpo_proofs("main") == [trial, f"{OWN}/grpo/parity.json"]
    unasked = found.experiments["main"].model_copy(update={"merge": MergeConfig(parity_rows=0)})
    assert Lineage("r", {"main": unasked}).grpo_proofs("main") == [trial]
    assert lineage({}, {}).grpo_proofs("main") == [trial], (
        "an adapter that is trained on is merged at the end alone"
    )


@pytest.mark.parametrize(
    ("folder", "files"),
    [
        (None, []),
        ("results/q/main/sft/model/", ["results/q/main/sft/model/manifest.json"]),
        ("/a/./b", ["/a/b/adapter_config.json", "/a/b/adapter_model.safetensors"]),
    ],
)
def test_an_adapter_that_is_trained_on_is_waited_for(folder: str | None, files: list[str]):
    assert lineage({"resume_adapter": folder}, None).resumed("main") == files


def test_a_client_asks_for_the_run_or_for_an_experiment_of_it():
    assert [lineage({}, None).served_name(name) for name in ("main", "fast")] == ["r", "r-fast"]


def test_a_row_is_held_against_the_trainings_it_is_for_whether_they_run_or_not():
    for grpo in ({"max_length": 50}, None):
        found = lineage({"max_length": 100}, grpo)
        if grpo is None:  # the recipe fills in what a disabled stage leaves unset
            off = found.experiments["main"].grpo.model_copy(update={"max_length": 50})
            found = Lineage("r", {"main": found.experiments["main"].model_copy(update={"grpo": off})})
        assert found.max_lengths(["sft", "eval"]) == {"sft": 100}
        assert found.max_lengths(["grpo"]) == {"grpo": 50}
        assert found.max_lengths(["eval"]) == {}
        assert found.max_lengths(["grpo", "sft"]) == {"sft": 100, "grpo": 50}


def test_rows_are_shared_so_the_smallest_limit_of_all_experiments_counts():
    long, short = (lineage({"max_length": length}, None).experiments["main"] for length in (100, 70))
    assert Lineage("r", {"long": long, "short": short}).max_lengths(["sft"]) == {"sft": 70}


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize(
    ("use", "grpo", "needed"),
    [
        (["grpo"], {"rewards": {"accuracy": 1.0}}, True),
        (["sft", "grpo"], {"rewards": {"format": 1.0, "external_r1v_acc": 1.0}}, True),
        (["grpo"], {"rewards": {"format": 1.0}}, False),
        # The file may call another reward by that name.
        (["grpo"], {"rewards": {"accuracy": 1.0}, "reward_file": "rewards.py"}, False),
        (["sft", "eval"], {"rewards": {"accuracy": 1.0}}, False),
    ],
)
def test_a_solution_is_needed_where_a_reward_compares_with_it(use, grpo, needed, enabled):
    assert lineage({}, {**grpo, "enabled": enabled}).needs_solution(use) is needed
