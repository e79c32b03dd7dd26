"""What a person can get wrong in the config: one sentence each, exit code 78, no traceback, nothing written."""

from pathlib import Path
from typing import Any

import pytest
from project import Project

Values = dict[str, Any]


def refused(project: Project, *arguments: str) -> str:
    """The sentences with which snakemake refused."""
    done = project.snakemake("-n", *arguments)
    assert done.returncode == 78, done.stdout
    assert "Traceback" not in done.stdout
    assert not project.path("results").exists()
    return done.stdout[done.stdout.index("error: ") :].rstrip()


def test_untouched_config_says_what_to_set(empty: Project) -> None:
    root = Path(__file__).parents[2]
    empty.path("config/config.yaml").write_text((root / "config/config.yaml").read_text())
    assert refused(empty) == (
        "error: config/config.yaml: sources is empty. Name your data there (see config/README.md), let "
        "`make init RUN=name DATA=file.jsonl` do it, or see the pipeline work first: make demo"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sft": {"learning_rat": 1}}, "sft.learning_rat is not a setting. Did you mean sft.learning_rate?"),
        ({"sft": {"gpus": "four"}}, "sft.gpus is the text 'four', not a number. Write a number, without quotes."),
        ({"recipe": "slow"}, "recipe is 'slow'; it must be 'fast' or 'seed'."),
        (
            {"sources": {"sums": {"format": "messages"}}},
            "sources.sums.path is missing. Set it: File of rows, or folder of media.",
        ),
        (
            {"sources": {"sums": {"format": "messages", "path": "data/none.jsonl"}}},
            "sources.sums.path: there is no file data/none.jsonl. Mend the path.",
        ),
        (
            {"model": {"path": "models/of/none"}},
            "model.path: there is no folder models/of/none. Name a folder or a hub id (Qwen/NAME).",
        ),
        (
            {"device": "cuda", "sft": {"gpus": 3}},
            "sft: effective_batch 16 cannot be shared by 3 processes. "
            "Set effective_batch to a multiple of 3, or change their number.",
        ),
        (
            {"validate": {"urls": ["files.example/a/"]}},
            "validate.urls.0 is 'files.example/a/'. Write the beginning of URLs, such as https://{host}/folder/.",
        ),
        (
            {"split": {"val": 0.5, "test": 0.5}},
            "split: val and test take every row. Lower them to less than 1 together.",
        ),
        (
            {"merge": {"enabled": False}, "infer": {"stages": ["merge"]}},
            "infer.stages: of merge experiment main makes none, so nothing would be scored. "
            "Add base, or set merge.enabled: true and add merge.",
        ),
        (
            {"experiments": {"merge": {}}},
            "experiments.merge is the name of a stage. Choose another name for the experiment.",
        ),
    ],
)
def test_a_mistake_is_one_sentence(empty: Project, values: Values, change: Values, sentence: str) -> None:
    empty.write_config({**values, **change})
    assert refused(empty) == f"error: config/config.yaml: {sentence}"


@pytest.mark.parametrize(
    ("swift", "sentence"),
    [
        (
            {"learning_rate": 1},
            "learning_rate: ms-swift's learning_rate has a key of its own here. Set sft.learning_rate.",
        ),
        ({"use_dora": True}, "use_dora: a model trained with use_dora could not be merged. Remove it."),
    ],
)
def test_a_flag_that_is_not_free_is_refused(empty: Project, values: Values, swift: Values, sentence: str) -> None:
    empty.write_config({**values, "sft": {"swift": swift}})
    assert refused(empty) == f"error: sft.swift.{sentence}"


def test_what_could_be_a_hub_id_is_left_to_the_model_stage(empty: Project, values: Values) -> None:
    empty.write_config({**values, "model": {"path": "models/none"}})
    assert empty.plan()["inspect_model"] == 1


def test_all_mistakes_are_told_at_once(empty: Project, values: Values) -> None:
    empty.write_config({**values, "sft": {"epochs": 0, "tuner": "lore"}, "spilt": {}})
    told = refused(empty)
    for part in ("sft.epochs is 0", "sft.tuner is 'lore'", "spilt is not a setting. Did you mean split?"):
        assert part in told


def test_a_mistake_names_the_file_that_holds_it(empty: Project) -> None:
    empty.path("config/mine.yaml").write_text("sft: {gpu: 2}\n")
    told = refused(empty, "--configfile", "config/mine.yaml")
    assert told == "error: config/mine.yaml: sft.gpu is not a setting. Did you mean sft.gpus?"


def test_a_flag_that_ms_swift_lacks_is_refused_before_training(empty: Project, values: Values) -> None:
    empty.write_config({**values, "sft": {"swift": {"neftune_noise_alph": 5}}})
    done = empty.snakemake("results/small/main/sft/args.json")
    assert done.returncode == 1
    assert (
        "error: sft.swift.neftune_noise_alph: ms-swift 4.6.0 has no flag neftune_noise_alph for `swift sft`. "
        "Did you mean neftune_noise_alpha?" in done.stdout
    )
    assert not empty.path("results/small/main/sft/args.json").exists()


def test_a_source_without_a_good_row_stops_the_run(empty: Project) -> None:
    empty.path("data/sums.jsonl").write_text('{"messages": []}\n{"messages": []}\n')
    done = empty.snakemake("data")
    assert done.returncode == 1
    assert "data/sums.jsonl" in done.stdout
    assert "Traceback" not in done.stdout
    assert not empty.path("results/small/split/manifest.json").exists()


def test_a_folder_that_is_no_qwen3_omni_is_refused(empty: Project, values: Values, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("preprocessor_config.json", "tokenizer_config.json"):
        (other / name).write_text("{}")
    (other / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
    empty.write_config({**values, "model": {"path": str(other)}})
    done = empty.snakemake("results/small/model/manifest.json")
    assert done.returncode == 1
    assert (
        f"error: {other}: this is not a Qwen3-Omni checkpoint (model_type llama). "
        "Set model.path to one whose config.json says qwen3_omni_moe." in done.stdout
    )
    assert not empty.path("results/small/model/manifest.json").exists()
