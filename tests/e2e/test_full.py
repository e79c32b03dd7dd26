"""Full fine-tuning, opened towers and adapted experts through the real rules: what is frozen stays, what is not
learns, and the final model answers as what it was merged from."""

import json

import numpy as np
import pytest
from demo_run import CONFIG, Demo

from omnitune import base_model, weights

RUN = "results/demo"
SHORT = {"epochs": 0.02, "eval_steps": 100, "save_steps": 100, "learning_rate": 1e-4}
FULL = {**SHORT, "tuner": "full"}
EXPERTS = {**SHORT, "learning_rate": 4e-3, "lora": {"rank": 4, "dropout": 0, "experts": True}}
EXPERIMENTS = {
    "full": {"sft": FULL},
    "towers": {"sft": {**FULL, "freeze_vit": False, "freeze_aligner": False}},
    "projections": {"sft": {**SHORT, "freeze_aligner": False}},
    "experts": {"sft": EXPERTS},
    "again": {"sft": {**EXPERTS, "seed": 43, "resume_adapter": f"{RUN}/experts/sft/model"}},
}
LAST = "base_model.model.thinker.model.layers.1.mlp.experts.lora_B.weight"
# It is heard after the last layer, at the places of pixels, where no answer is read: no gradient comes back.
WITHOUT_GRADIENT = "thinker.visual.merger_list.1."


@pytest.fixture(scope="module")
def trained(demo: Demo) -> Demo:
    demo.path("config/full.yaml").write_text(json.dumps({"experiments": EXPERIMENTS}))
    targets = [f"{RUN}/{name}/merge/model/manifest.json" for name in EXPERIMENTS]
    targets += [f"{RUN}/again/merge/parity.json", f"{RUN}/full/score/metrics.json"]
    done = demo.snakemake(*CONFIG, "config/full.yaml", "--", *targets)
    assert done.returncode == 0, done.stdout
    return demo


def part(name: str) -> str:
    """The part of the model that a tensor belongs to."""
    if name.startswith(("thinker.visual.merger", "thinker.audio_tower.proj")):
        return "aligner"
    for prefix, group in (("thinker.visual.", "vision"), ("thinker.audio_tower.", "audio"), ("thinker.", "llm")):
        if name.startswith(prefix):
            return group
    return "speech"


def changed(demo: Demo, experiment: str) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Names of all tensors by part, and of those whose bytes are no longer the base's."""
    base = weights.tensors(demo.path(f"{RUN}/model/weights"))
    final = weights.tensors(demo.path(f"{RUN}/{experiment}/merge/model"))
    assert list(base) == list(final)
    every: dict[str, set[str]] = {}
    differ: dict[str, set[str]] = {}
    for name in base:
        every.setdefault(part(name), set()).add(name)
        if weights.content(base[name]) != weights.content(final[name]):
            differ.setdefault(part(name), set()).add(name)
    return every, differ


def test_a_full_fine_tuning_trains_the_text_model_and_nothing_that_is_frozen(trained: Demo) -> None:
    every, differ = changed(trained, "full")
    assert differ == {"llm": every["llm"]}
    assert any(name.startswith("talker.") for name in every["speech"]), "the base's own, bit for bit"
    manifest = trained.json(f"{RUN}/full/sft/model/manifest.json")
    assert (manifest["tuner"], manifest["global_step"]) == ("full", manifest["max_steps"])
    base_model.check(trained.path(f"{RUN}/full/merge/model"))


def test_its_final_model_answers_and_is_scored(trained: Demo) -> None:
    answers = trained.rows(f"{RUN}/full/infer/merge.jsonl")
    test = trained.rows(f"{RUN}/split/test.jsonl")
    assert [row["id"] for row in answers] == [row["id"] for row in test]
    assert answers != trained.rows(f"{RUN}/base/infer.jsonl")
    scored = trained.json(f"{RUN}/full/score/metrics.json")["stages"]["merge"]
    assert sum(task["n"] for task in scored.values()) == len(test)


def test_opened_towers_and_projections_learn_and_the_speech_is_the_bases(trained: Demo) -> None:
    every, differ = changed(trained, "towers")
    every["aligner"] = {name for name in every["aligner"] if not name.startswith(WITHOUT_GRADIENT)}
    del every["speech"]
    assert differ == every


def test_lora_on_the_projections_leaves_the_towers_alone(trained: Demo) -> None:
    linear = trained.json(f"{RUN}/model/manifest.json")["linear_modules"]
    _, differ = changed(trained, "projections")
    expected = {group: {f"{module}.weight" for module in linear[group]} for group in ("llm", "aligner")}
    expected["aligner"] = {name for name in expected["aligner"] if not name.startswith(WITHOUT_GRADIENT)}
    assert differ == expected


def test_experts_learn_and_an_adapter_is_trained_on(trained: Demo) -> None:
    linear = trained.json(f"{RUN}/model/manifest.json")["linear_modules"]["llm"]
    for experiment in ("experts", "again"):
        every, differ = changed(trained, experiment)
        experts = {name for name in every["llm"] if ".mlp.experts." in name}
        assert differ == {"llm": experts | {f"{module}.weight" for module in linear}}
    first, second = (
        weights.header(trained.path(f"{RUN}/{name}/sft/model/adapter_model.safetensors"))
        for name in ("experts", "again")
    )
    assert list(first) == list(second)
    # From nothing an update is of the size of the few steps; from the first one it goes on.
    sizes = [abs(np.frombuffer(weights.content(each[LAST]), "<f4")).sum() for each in (first, second)]
    assert sizes[1] > 1.2 * sizes[0] > 0


@pytest.mark.parametrize("experiment", ["full", "again"])
def test_the_final_model_answers_as_what_it_was_merged_from(trained: Demo, experiment: str) -> None:
    verdict = trained.json(f"{RUN}/{experiment}/merge/parity.json")
    assert {row["modality"] for row in verdict["rows"]} == {"image", "audio", "video", "text"}
    assert all(row["equal"] and row["alike"] for row in verdict["rows"])
    assert 0 <= verdict["largest_difference"] < 1e-4
    assert verdict["model"] == trained.json(f"{RUN}/{experiment}/merge/model/manifest.json")["run_key"]
