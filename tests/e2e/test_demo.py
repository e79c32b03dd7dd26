"""The demo really trains: the real ms-swift on a tiny Qwen3-Omni, seen through the files that a user sees."""

import json

from demo_run import CONFIG, Demo
from project import is_quick, processor_seconds

from omnitune import base_model, weights

RUN = "results/demo"


def test_held_out_answers_become_right(demo: Demo) -> None:
    stages = demo.json(f"{RUN}/main/score/metrics.json")["stages"]
    for task in ("digits", "tones"):
        base, tuned = stages["base"][task], stages["merge"][task]
        assert base["n"] == tuned["n"] >= 200
        assert tuned["exact_match"] - base["exact_match"] >= 0.25, (task, base, tuned)


def test_the_command_ends_with_the_table_and_where_to_look(demo: Demo) -> None:
    tail = demo.output[-2000:]
    metrics = demo.json(f"{RUN}/main/score/metrics.json")
    for task in ("digits", "tones"):
        assert task in tail
        assert f"{metrics['stages']['merge'][task]['exact_match']:.3f}" in tail
    assert f"{RUN}/report.html" in tail


def test_it_fits_a_small_machine(demo: Demo) -> None:
    assert demo.peak_bytes < 6 * 1024**3


def test_second_run_starts_no_job(demo: Demo) -> None:
    begun = processor_seconds()
    done = demo.snakemake(*CONFIG)
    assert "Nothing to be done" in done.stdout
    assert is_quick(processor_seconds() - begun)


def test_no_test_row_is_trained_on(demo: Demo) -> None:
    split = {name: demo.rows(f"{RUN}/split/{name}.jsonl") for name in ("train", "val", "test")}
    media = {
        name: {path for row in rows for kind in ("images", "audios", "videos") for path in row.get(kind, [])}
        for name, rows in split.items()
    }
    assert not media["test"] & (media["train"] | media["val"])
    ledger = demo.rows(f"{RUN}/split/ledger.jsonl")
    assert len(ledger) == sum(map(len, split.values()))
    assert {row["modality"] for row in demo.rows(f"{RUN}/base/infer.jsonl")} == {"image", "audio", "video", "text"}


def test_only_the_text_models_attention_was_trained(demo: Demo) -> None:
    base = demo.json(f"{RUN}/model/manifest.json")
    adapter = weights.header(demo.path(f"{RUN}/main/sft/model/adapter_model.safetensors"))
    trained = {name.removeprefix("base_model.model.").rpartition(".lora_")[0] for name in adapter}
    assert trained == set(base["linear_modules"]["llm"])
    counted = demo.json(f"{RUN}/main/sft/model/manifest.json")["trainable_parameters"]
    values = sum(tensor.size // 4 for tensor in adapter.values())
    assert counted == values


def test_final_model_is_the_base_but_for_the_adapted_tensors(demo: Demo) -> None:
    base = weights.tensors(demo.path(f"{RUN}/model/weights"))
    merged = weights.tensors(demo.path(f"{RUN}/main/merge/model"))
    assert list(base) == list(merged)
    changed = {name for name in base if weights.content(base[name]) != weights.content(merged[name])}
    assert changed == {
        f"{name}.weight" for name in demo.json(f"{RUN}/model/manifest.json")["linear_modules"]["llm"]
    }
    assert any(name.startswith("talker.") for name in merged)
    base_model.check(demo.path(f"{RUN}/main/merge/model"))


def test_merged_model_and_adapter_answer_alike(demo: Demo) -> None:
    demo.path("config/sft.yaml").write_text(json.dumps({"infer": {"stages": ["base", "sft", "merge"]}}))
    plan = demo.plan(*CONFIG, "config/sft.yaml")
    assert plan == {"render_infer": 1, "infer_model": 1, "score_predictions": 1, "write_report": 1}
    done = demo.snakemake(*CONFIG, "config/sft.yaml")
    assert done.returncode == 0, done.stdout
    adapter, merged = (demo.rows(f"{RUN}/main/infer/{stage}.jsonl") for stage in ("sft", "merge"))
    assert adapter == merged
    assert len(merged) == len(demo.rows(f"{RUN}/split/test.jsonl"))
